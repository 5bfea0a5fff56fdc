package evidence_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
)

// code is the code of a fault.
func code(t require.TestingT, err error) evidence.Code {
	var fault *evidence.Fault
	require.ErrorAs(t, err, &fault)
	return fault.Code
}

// seen decodes what is kept. It is a JPEG of ours and nothing else: no segment of metadata, nothing behind its end.
func seen(t *testing.T, d evidence.Drawn) image.Image {
	t.Helper()
	picture, err := jpeg.Decode(bytes.NewReader(d.JPEG))
	require.NoError(t, err)
	require.Equal(t, picture.Bounds().Dx(), d.Width)
	require.Equal(t, picture.Bounds().Dy(), d.Height)
	require.Equal(t, []byte{0xff, 0xd8, 0xff, 0xdb}, d.JPEG[:4], "tables follow at once: there is no APP segment")
	require.Equal(t, []byte{0xff, 0xd9}, d.JPEG[len(d.JPEG)-2:])
	require.Equal(t, 1, bytes.Count(d.JPEG, []byte{0xff, 0xd9}))
	return picture
}

func TestEveryFormatIsDrawnAnew(t *testing.T) {
	t.Parallel()
	grey := image.NewGray16(image.Rect(0, 0, 300, 200))
	deep := image.NewNRGBA64(image.Rect(0, 0, 300, 200))
	few := image.NewPaletted(image.Rect(0, 0, 300, 200), color.Palette{color.Black, color.White})
	for name, file := range map[string][]byte{
		"jpeg": evidencetest.JPEG(t, 480, 300), "png": evidencetest.PNG(t, evidencetest.Card(480, 300)), "webp": evidencetest.WebP(t),
		"grey": evidencetest.PNG(t, grey), "deep": evidencetest.PNG(t, deep), "few": evidencetest.PNG(t, few),
	} {
		drawn, err := evidence.Redraw(file)
		require.NoError(t, err, name)
		picture := seen(t, drawn)
		require.InDelta(t, 1.55, float64(picture.Bounds().Dx())/float64(picture.Bounds().Dy()), 0.06, name)
		again, err := evidence.Redraw(file)
		require.NoError(t, err)
		require.Equal(t, drawn, again, "the same file is the same piece")
	}
}

// TestWhatIsClearIsPaper: transparency shows white, not black.
func TestWhatIsClearIsPaper(t *testing.T) {
	t.Parallel()
	drawn, err := evidence.Redraw(evidencetest.PNG(t, image.NewNRGBA(image.Rect(0, 0, 300, 200))))
	require.NoError(t, err)
	require.Equal(t, "white", evidencetest.Corner(seen(t, drawn), true, true))
}

func TestLargePicturesAreMadeSmaller(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ w, h, wantW, wantH int }{
		{2400, 1600, 2400, 1600}, {2401, 1600, 2400, 1599}, {500, 4800, 250, 2400}, {5000, 1000, 2400, 480}, {8000, 200, 2400, 60},
	} {
		drawn, err := evidence.Redraw(evidencetest.JPEG(t, size.w, size.h))
		require.NoError(t, err)
		require.Equal(t, [2]int{size.wantW, size.wantH}, [2]int{drawn.Width, drawn.Height})
		picture := seen(t, drawn)
		require.Equal(t, "red green blue white", corners(picture), "%v", size)
	}
}

func corners(picture image.Image) string {
	var names []string
	for _, top := range []bool{true, false} {
		for _, left := range []bool{true, false} {
			names = append(names, evidencetest.Corner(picture, left, top))
		}
	}
	return strings.Join(names, " ")
}

// TestNoiseStaysSmall: even what cannot be compressed is kept in a bounded size.
func TestNoiseStaysSmall(t *testing.T) {
	t.Parallel()
	noise := image.NewRGBA(image.Rect(0, 0, 1500, 1500))
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise.Pix)
	drawn, err := evidence.Redraw(evidencetest.PNG(t, noise))
	require.NoError(t, err)
	require.Less(t, len(drawn.JPEG), 2<<20)
}

// TestCamerasAreHeldInEightWays: whatever way the camera was held, the card is seen as it is, and the place where it was
// taken is nowhere.
func TestCamerasAreHeldInEightWays(t *testing.T) {
	t.Parallel()
	// What somebody sees of the card (red green / blue white) if it is shown as the number says, by the EXIF standard.
	want := map[uint16]string{
		1: "red green blue white", 2: "green red white blue", 3: "white blue green red", 4: "blue white red green",
		5: "red blue green white", 6: "blue red white green", 7: "white green blue red", 8: "green white red blue",
		0: "red green blue white", 9: "red green blue white",
	}
	for number, corner := range want {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			exif := evidencetest.EXIF(number, order)
			png := evidencetest.PNG(t, evidencetest.Card(480, 300))
			for name, file := range map[string][]byte{
				"jpeg": evidencetest.WithEXIF(evidencetest.JPEG(t, 480, 300), exif),
				"png":  bytes.Join([][]byte{png[:33], evidencetest.Chunk("eXIf", exif), png[33:]}, nil),
			} {
				require.Contains(t, string(file), evidencetest.Place)
				drawn, err := evidence.Redraw(file)
				require.NoError(t, err)
				picture := seen(t, drawn)
				require.Equal(t, corner, corners(picture), "%s held as %d", name, number)
				require.Equal(t, number >= 5 && number <= 8, picture.Bounds().Dy() == 480)
				require.NotContains(t, string(drawn.JPEG), evidencetest.Place)
				require.NotContains(t, string(drawn.JPEG), "Exif")
			}
		}
	}
}

func TestWebPKnowsHowTheCameraWasHeld(t *testing.T) {
	t.Parallel()
	exif := evidencetest.EXIF(6, binary.LittleEndian)
	file := evidencetest.WebP(t)
	chunk := append(binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(exif))), exif...) //nolint:gosec // a small file
	if len(exif)%2 == 1 {
		chunk = append(chunk, 0)
	}
	file = append(bytes.Clone(file), chunk...)
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8)) //nolint:gosec // a small file
	drawn, err := evidence.Redraw(file)
	require.NoError(t, err)
	require.Equal(t, [2]int{300, 480}, [2]int{drawn.Width, drawn.Height})
}

// TestBombsAreNotDecoded: the claim of a header decides, before any memory is taken for it.
func TestBombsAreNotDecoded(t *testing.T) {
	t.Parallel()
	large := evidencetest.JPEG(t, 400, 300)
	sof := bytes.Index(large, []byte{0xff, 0xc0})
	claim := func(marker byte, w, h uint16) []byte {
		file := bytes.Clone(large)
		file[sof+1] = marker
		binary.BigEndian.PutUint16(file[sof+5:], h)
		binary.BigEndian.PutUint16(file[sof+7:], w)
		return file
	}
	webp := bytes.Clone(evidencetest.WebP(t))
	binary.LittleEndian.PutUint16(webp[26:], 16383)
	binary.LittleEndian.PutUint16(webp[28:], 16383)
	for name, file := range map[string][]byte{
		"png of 60,000 by 60,000": evidencetest.Bomb(60_000, 60_000, 8), "deep png": evidencetest.Bomb(7000, 6000, 16),
		"narrow png": evidencetest.Bomb(1<<31-1, 1, 8), "jpeg": claim(0xc0, 65_500, 65_500), "progressive jpeg": claim(0xc2, 8000, 6000), "webp": webp,
	} {
		_, err := evidence.Redraw(file)
		require.Equal(t, evidence.TooManyDots, code(t, err), "%s: what was decoded would be unreadable", name)
	}
	_, err := evidence.Redraw(claim(0xc0, 8000, 6000))
	require.Equal(t, evidence.Unreadable, code(t, err), "so many are allowed, if they are there")
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	t.Parallel()
	var moving bytes.Buffer
	require.NoError(t, gif.Encode(&moving, evidencetest.Card(300, 300), nil))
	whole := evidencetest.JPEG(t, 480, 300)
	for name, tc := range map[string]struct {
		file []byte
		want evidence.Code
	}{
		"nothing":           {nil, evidence.Empty},
		"too many bytes":    {make([]byte, evidence.MaxBytes+1), evidence.TooLarge},
		"svg renamed":       {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), evidence.NotPicture},
		"html":              {[]byte("<html><script>alert(1)</script>"), evidence.NotPicture},
		"pdf":               {[]byte("%PDF-1.7\n"), evidence.NotPicture},
		"heic":              {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), evidence.NotPicture},
		"zip":               {[]byte("PK\x03\x04 and so on and so on"), evidence.NotPicture},
		"gif":               {moving.Bytes(), evidence.NotPicture},
		"svg behind a head": {append([]byte("\xff\xd8\xff"), "<svg/>"...), evidence.Unreadable},
		"half a jpeg":       {whole[:len(whole)/2], evidence.Unreadable},
		"jpeg of a head":    {whole[:200], evidence.Unreadable},
		"half a png":        {evidencetest.PNG(t, evidencetest.Card(480, 300))[:300], evidence.Unreadable},
		"half a webp":       {evidencetest.WebP(t)[:200], evidence.Unreadable},
		"too small":         {evidencetest.JPEG(t, 199, 400), evidence.TooSmall},
	} {
		_, err := evidence.Redraw(tc.file)
		require.Equal(t, tc.want, code(t, err), name)
	}
}

// TestNothingHiddenLivesOn: a file that is a picture and something else as well becomes a picture.
func TestNothingHiddenLivesOn(t *testing.T) {
	t.Parallel()
	whole := evidencetest.JPEG(t, 480, 300)
	comment := append([]byte{0xff, 0xfe, 0, 40}, "<script>alert('CANARY in a comment')</s"[:38]...)
	for name, hidden := range map[string]string{"html": "<html><script>CANARY</script></html>", "zip": "PK\x03\x04CANARY.txt"} {
		file := bytes.Join([][]byte{whole[:2], comment, whole[2:], []byte(hidden)}, nil)
		drawn, err := evidence.Redraw(file)
		require.NoError(t, err, name)
		seen(t, drawn)
		for _, trace := range []string{"CANARY", "script", "PK\x03\x04"} {
			require.NotContains(t, string(drawn.JPEG), trace)
		}
	}
}

// TestAnyBytesAreJudged: whatever is sent, the answer is a picture of ours or a fault, and no panic.
func TestAnyBytesAreJudged(t *testing.T) {
	t.Parallel()
	seeds := [][]byte{evidencetest.JPEG(t, 240, 220), evidencetest.PNG(t, evidencetest.Card(240, 220)), evidencetest.WebP(t)}
	seeds = append(seeds, evidencetest.WithEXIF(seeds[0], evidencetest.EXIF(6, binary.BigEndian)))
	rapid.Check(t, func(r *rapid.T) {
		file := bytes.Clone(rapid.SampledFrom(seeds).Draw(r, "seed"))
		for range rapid.IntRange(1, 12).Draw(r, "changes") {
			at := rapid.IntRange(0, min(len(file)-1, 700)).Draw(r, "at")
			file[at] = rapid.Byte().Draw(r, "byte")
		}
		file = file[:rapid.IntRange(0, len(file)).Draw(r, "length")]
		drawn, err := evidence.Redraw(file)
		var fault *evidence.Fault
		if err != nil {
			require.ErrorAs(r, err, &fault)
			return
		}
		require.LessOrEqual(r, max(drawn.Width, drawn.Height), evidence.MaxSide)
	})
}

func TestViews(t *testing.T) {
	t.Parallel()
	drawn, err := evidence.Redraw(evidencetest.JPEG(t, 480, 300))
	require.NoError(t, err)
	for v, want := range map[evidence.View]string{
		{}: "red green blue white", {Turn: 90}: "blue red white green", {Turn: 180}: "white blue green red", {Turn: 270, Side: 240}: "green white red blue",
	} {
		content, err := evidence.Show(drawn.JPEG, v)
		require.NoError(t, err)
		picture, err := jpeg.Decode(bytes.NewReader(content))
		require.NoError(t, err)
		require.Equal(t, want, corners(picture), "%+v", v)
		if v.Side > 0 {
			require.Equal(t, v.Side, max(picture.Bounds().Dx(), picture.Bounds().Dy()))
		}
	}
}
