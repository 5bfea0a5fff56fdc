package web

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestEveryCodeCanBeRead decodes what is drawn, for addresses of all lengths that occur.
func TestEveryCodeCanBeRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.StringMatching(`https://[a-z]{1,60}\.example/s/[A-Za-z0-9_-]{22}`).Draw(t, "content")
		d, err := draw(content)
		require.NoError(t, err)
		require.Zero(t, d.Width%d.Size, "a module is a whole number of pixels")
		require.LessOrEqual(t, d.Width, codeRoom)
		require.GreaterOrEqual(t, d.Width/d.Size, 3)

		picture := d.picture(t)
		const quiet = 4
		for i := range d.Size {
			for edge := range quiet {
				for _, at := range []image.Point{{i, edge}, {edge, i}, {i, d.Size - 1 - edge}, {d.Size - 1 - edge, i}} {
					require.Equal(t, color.Gray{Y: 255}, picture.GrayAt(at.X, at.Y), "the quiet zone at %v", at)
				}
			}
		}
		require.Equal(t, content, decoded(t, picture))
	})
}

// picture draws the path, one pixel a module.
func (d *drawing) picture(t require.TestingT) *image.Gray {
	p := image.NewGray(image.Rect(0, 0, d.Size, d.Size))
	for i := range p.Pix {
		p.Pix[i] = 255
	}
	for _, run := range strings.Split(strings.TrimSuffix(d.Path, "z"), "z") {
		var x, y, length, back int
		_, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &length, &back)
		require.NoError(t, err, run)
		require.Equal(t, length, back, run)
		for i := range length {
			p.SetGray(x+i, y, color.Gray{})
		}
	}
	return p
}

// decoded reads a picture that holds a code and nothing else.
func decoded(t require.TestingT, picture image.Image) string {
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewGlobalHistgramBinarizer(gozxing.NewLuminanceSourceFromImage(picture)))
	require.NoError(t, err)
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	require.NoError(t, err)
	return code.GetText()
}
