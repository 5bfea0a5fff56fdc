package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"
)

// codeOnEveryScreen: however wide the window and fine the screen, the code is sharp and large enough.
func codeOnEveryScreen(t *testing.T, s *stage) {
	_, b := s.showQR(t, computer("en"))
	link := b.scanLink()
	const code = `document.querySelector("#qr").getBoundingClientRect()`
	for _, ratio := range []float64{1, 1.25, 1.5, 1.75, 2, 3} {
		b.resizeTo(1280, 900, ratio)
		b.reload()
		for _, width := range []int64{1280, 390, 320} {
			b.resizeTo(width, 900, ratio)
			b.await("the code fits the window", code+`.right < innerWidth && `+code+`.left > 0`)
			require.Equal(t, link, b.photograph(), "%d px wide, ratio %v", width, ratio)
			require.GreaterOrEqual(t, eval[float64](b, code+".width"), 210.0)
			require.LessOrEqual(t, eval[int64](b, "document.documentElement.scrollWidth"), width)
		}
	}
	b.resize(1280, 900)
	b.noScript()
	b.reload()
	for _, width := range []int64{1280, 320} {
		b.resize(width, 900)
		require.Equal(t, link, b.photograph(), "without a script, %d px wide", width)
	}
}

// scanLink is what the code says, as the page writes it out for who cannot scan.
func (b *tab) scanLink() string {
	b.t.Helper()
	b.awaitElement("#qr")
	return eval[string](b, `document.querySelector("#scan-link").value`)
}

// photograph reads the QR code off a picture of what the tab shows.
//
// The code is cut out of the picture, because the decoder's search for a code is not to be relied on: of 8,000 codes
// drawn without a flaw it missed 48, and 67 of as many made by its own encoder, where the data happen to resemble the
// marks in the corners. A camera that moves gets past that; a test would fail now and then.
func (b *tab) photograph() string {
	b.t.Helper()
	b.awaitElement("#qr")
	shot, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	picture, err := png.Decode(bytes.NewReader(shot))
	require.NoError(b.t, err)
	place := eval[[]float64](b, `(() => {
	  const code = document.querySelector("#qr"), at = code.getBoundingClientRect(), ratio = devicePixelRatio;
	  return [(at.left + scrollX) * ratio, (at.top + scrollY) * ratio, at.width * ratio, code.viewBox.baseVal.width];
	})()`)
	modules := b.modules(picture, place[0], place[1], place[2], int(place[3]))
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewGlobalHistgramBinarizer(gozxing.NewLuminanceSourceFromImage(modules)))
	require.NoError(b.t, err)
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	require.NoError(b.t, err, "a QR code is on the picture")
	return code.GetText()
}

// modules shrinks the code at about a place of the picture to one pixel a module. All pixels of a module must be one
// colour.
func (b *tab) modules(picture image.Image, left, top, size float64, count int) image.Image {
	b.t.Helper()
	module := int(math.Round(size / float64(count)))
	require.InDelta(b.t, size, module*count, 0.1, "a module is a whole number of the screen's pixels")
	const quiet = 4
	mark := firstDark(picture, image.Rect(int(left), int(top), int(left+size), int(top+size)))
	at := mark.Sub(image.Pt(quiet, quiet).Mul(module))
	code := image.NewGray(image.Rect(0, 0, count, count))
	for y := range count * module {
		for x := range count * module {
			c := grey(picture, at.X+x, at.Y+y)
			if x%module == 0 && y%module == 0 {
				code.SetGray(x/module, y/module, c)
			}
			if code.GrayAt(x/module, y/module) != c {
				require.FailNow(b.t, "a module is not of one colour", "module %d, %d of %d, each %d px", x/module, y/module, count, module)
			}
		}
	}
	return code
}

// firstDark is where the code begins behind its quiet zone: the corner of the mark at the top left. To measure the place
// alone is not enough: the page may be laid out some pixels higher or lower for a picture that is taller than the window.
func firstDark(picture image.Image, within image.Rectangle) image.Point {
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			if grey(picture, x, y).Y < 128 {
				return image.Pt(x, y)
			}
		}
	}
	return within.Max
}

func grey(picture image.Image, x, y int) color.Gray {
	return color.GrayModel.Convert(picture.At(x, y)).(color.Gray)
}
