package evidence

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence/evidencetest"
)

// FuzzRedraw: a file becomes a picture of ours within the bounds, without a segment of metadata, or a fault of a known
// code; never a panic.
func FuzzRedraw(f *testing.F) {
	card := evidencetest.JPEG(f, MinSide, MinSide)
	for _, seed := range [][]byte{
		card, evidencetest.WithEXIF(card, evidencetest.EXIF(6, binary.BigEndian)), evidencetest.PNG(f, evidencetest.Card(MinSide, MinSide)),
		evidencetest.WebP(f), evidencetest.Bomb(1<<31-1, 1<<31-1, 8), evidencetest.Bomb(MinSide, MinSide, 16), card[:len(card)/2], nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		drawn, err := Redraw(file)
		if err != nil {
			var fault *Fault
			require.ErrorAs(t, err, &fault)
			require.Contains(t, Codes(), fault.Code)
			return
		}
		size, err := jpeg.DecodeConfig(bytes.NewReader(drawn.JPEG))
		require.NoError(t, err)
		require.Equal(t, []int{size.Width, size.Height}, []int{drawn.Width, drawn.Height})
		require.LessOrEqual(t, max(drawn.Width, drawn.Height), MaxSide)
		require.Equal(t, []byte{0xff, 0xd8, 0xff, 0xdb}, drawn.JPEG[:4], "tables follow at once: there is no APP segment")
	})
}

// FuzzOrientation: whatever a file claims of itself, each format's reader ends and answers one of the eight ways.
func FuzzOrientation(f *testing.F) {
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		exif := evidencetest.EXIF(8, order)
		f.Add(exif)
		f.Add(evidencetest.WithEXIF([]byte{0xff, 0xd8, 0xff, 0xd9}, exif))
		f.Add(append([]byte("\x89PNG\r\n\x1a\n"), evidencetest.Chunk("eXIf", exif)...))
	}
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPEXIF\xff\xff\xff\xff"))
	f.Add([]byte("MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, of := range []func([]byte) orientation{ofJPEG, ofPNG, ofWebP, ofEXIF} {
			require.Contains(t, []orientation{1, 2, 3, 4, 5, 6, 7, 8}, of(file))
		}
	})
}
