// Package evidencetest makes pictures for tests: good ones, and such as somebody sends who means harm.
package evidencetest

import (
	"bytes"
	"embed"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata
var files embed.FS

// Place is what the metadata of a picture tells of where it was taken. It must be nowhere afterwards.
const Place = "GPS-30.2741N-120.1551E-CANARY"

// Card draws a card with four corners that differ: red and green above, blue and white below.
func Card(w, h int) *image.RGBA {
	card := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			card.SetRGBA(x, y, corner(x < w/2, y < h/2))
		}
	}
	return card
}

func corner(left, top bool) color.RGBA {
	switch {
	case left && top:
		return color.RGBA{220, 30, 30, 255}
	case top:
		return color.RGBA{30, 180, 60, 255}
	case left:
		return color.RGBA{30, 60, 220, 255}
	default:
		return color.RGBA{240, 240, 240, 255}
	}
}

// Corner names the colour near a corner of a picture.
func Corner(picture image.Image, left, top bool) string {
	b := picture.Bounds()
	x, y := b.Min.X+b.Dx()/4, b.Min.Y+b.Dy()/4
	if !left {
		x += b.Dx() / 2
	}
	if !top {
		y += b.Dy() / 2
	}
	r, g, blue, _ := picture.At(x, y).RGBA()
	r, g, blue = r>>8, g>>8, blue>>8
	switch {
	case r > 180 && g > 180 && blue > 180:
		return "white"
	case r > g && r > blue:
		return "red"
	case g > blue:
		return "green"
	default:
		return "blue"
	}
}

// JPEG is a card as a JPEG file.
func JPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, Card(w, h), nil))
	return b.Bytes()
}

// PNG is a picture as a PNG file.
func PNG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, picture))
	return b.Bytes()
}

// WebP is a picture of 480 by 300 pixels as a WebP file.
func WebP(t testing.TB) []byte {
	t.Helper()
	content, err := files.ReadFile("testdata/card.webp")
	require.NoError(t, err)
	return content
}

// EXIF is camera data with an orientation and the Place.
func EXIF(orientation uint16, order binary.AppendByteOrder) []byte {
	data := []byte("II*\x00")
	if order.AppendUint16(nil, 1)[0] == 0 {
		data = []byte("MM\x00*")
	}
	const ascii, short, gps = 2, 3, 0x8825
	data = order.AppendUint32(data, 8)
	data = order.AppendUint16(data, 3)
	entry := func(tag, kind uint16, count uint32, value []byte) {
		data = order.AppendUint16(data, tag)
		data = order.AppendUint16(data, kind)
		data = order.AppendUint32(data, count)
		data = append(data, value...)
	}
	entry(0x010e, ascii, uint32(len(Place)), order.AppendUint32(nil, 50)) // the description, behind the directory
	entry(0x0112, short, 1, append(order.AppendUint16(nil, orientation), 0, 0))
	entry(gps, 4, 1, order.AppendUint32(nil, 50))
	data = append(data, 0, 0, 0, 0)
	return append(data, Place...)
}

// WithEXIF is a JPEG file with camera data.
func WithEXIF(file, exif []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), exif...)
	head := []byte{0xff, 0xd8, 0xff, 0xe1}
	head = binary.BigEndian.AppendUint16(head, uint16(len(segment)+2)) //nolint:gosec // some hundred bytes
	return bytes.Join([][]byte{head, segment, file[2:]}, nil)
}

// Bomb is the head of a PNG file that claims so many pixels, in so many bits each, and little more.
func Bomb(w, h uint32, depth byte) []byte {
	header := binary.BigEndian.AppendUint32(nil, w)
	header = binary.BigEndian.AppendUint32(header, h)
	header = append(header, depth, 2, 0, 0, 0)
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), Chunk("IHDR", header), Chunk("IDAT", []byte{0x78, 0x9c, 0x63}), Chunk("IEND", nil)}, nil)
}

// Chunk is a chunk of a PNG file.
func Chunk(name string, content []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(content))) //nolint:gosec // what a test made
	chunk = append(append(chunk, name...), content...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}
