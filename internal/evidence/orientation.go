package evidence

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is how a camera was held, as EXIF writes it: 1 is upright, 2 to 8 are the other ways to turn and mirror.
type orientation int

const upright orientation = 1

// turned is the orientation that a picture turned by so many degrees clockwise is mended by.
func turned(degrees int) orientation {
	switch degrees {
	case 90:
		return 6
	case 180:
		return 3
	case 270:
		return 8
	default:
		return upright
	}
}

// turn draws a picture as it is to be seen.
func turn(picture *image.RGBA, o orientation) *image.RGBA {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	var from func(x, y int) (int, int)
	switch o {
	case 2:
		from = func(x, y int) (int, int) { return w - 1 - x, y }
	case 3:
		from = func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 4:
		from = func(x, y int) (int, int) { return x, h - 1 - y }
	case 5:
		from = func(x, y int) (int, int) { return y, x }
	case 6:
		from = func(x, y int) (int, int) { return y, h - 1 - x }
	case 7:
		from = func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }
	case 8:
		from = func(x, y int) (int, int) { return w - 1 - y, x }
	default:
		return picture
	}
	size := image.Rect(0, 0, w, h)
	if o >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := from(x, y)
			copy(to.Pix[to.PixOffset(x, y):][:4], picture.Pix[picture.PixOffset(sx, sy):])
		}
	}
	return to
}

// ofJPEG reads the orientation from the first EXIF segment.
func ofJPEG(file []byte) orientation {
	const startOfScan, app1 = 0xda, 0xe1
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker := file[at+1]
		if marker == 0xff { // filling
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == startOfScan || size < 2 || at+2+size > len(file) {
			break
		}
		segment := file[at+4 : at+2+size]
		if exif, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == app1 {
			return ofEXIF(exif)
		}
		at += 2 + size
	}
	return upright
}

// ofPNG reads the orientation from the eXIf chunk.
func ofPNG(file []byte) orientation {
	for at := 8; at+12 <= len(file); {
		size := int(binary.BigEndian.Uint32(file[at:]))
		if size > len(file)-at-12 {
			break
		}
		if string(file[at+4:at+8]) == "eXIf" {
			return ofEXIF(file[at+8 : at+8+size])
		}
		at += 12 + size
	}
	return upright
}

// ofWebP reads the orientation from the EXIF chunk.
func ofWebP(file []byte) orientation {
	for at := 12; at+8 <= len(file); {
		size := int(binary.LittleEndian.Uint32(file[at+4:]))
		if size > len(file)-at-8 {
			break
		}
		if string(file[at:at+4]) == "EXIF" {
			return ofEXIF(bytes.TrimPrefix(file[at+8:at+8+size], []byte("Exif\x00\x00")))
		}
		at += 8 + size + size%2
	}
	return upright
}

// ofEXIF reads the orientation from the first directory of EXIF data, which has the form of a TIFF file.
func ofEXIF(data []byte) orientation {
	const orientationTag, short, entry = 0x0112, 3, 12
	if len(data) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(data[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return upright
	}
	entries := int64(order.Uint16(data[at:]))
	for n := range entries {
		from := at + 2 + n*entry
		if from+entry > int64(len(data)) {
			break
		}
		field := data[from : from+entry]
		if order.Uint16(field) == orientationTag && order.Uint16(field[2:]) == short {
			if o := orientation(order.Uint16(field[8:])); o >= 1 && o <= 8 {
				return o
			}
		}
	}
	return upright
}
