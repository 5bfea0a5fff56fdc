package evidence

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Bounds of pictures.
const (
	MaxBytes  = 10 << 20    // of a file
	MaxPixels = 8192 * 6144 // of a picture as it arrives: what the best telephones take
	MinSide   = 200         // pixels of the shorter side: below, nobody can read a card
	MaxSide   = 2400        // pixels of the longer side of what is kept

	maxMemory = 256 << 20 // bytes that decoding one picture may take
	kept      = 2 << 20   // bytes that a kept picture should not pass
	million   = 1_000_000
)

// Drawn is a picture as it is kept.
type Drawn struct {
	JPEG          []byte
	Width, Height int
}

// Redraw makes a new picture of a file in JPEG, PNG or WebP form. Its error is a *Fault. Size and shape are judged by
// the file's header, before any of it is decoded.
func Redraw(file []byte) (Drawn, error) {
	switch {
	case len(file) == 0:
		return Drawn{}, &Fault{Code: Empty}
	case len(file) > MaxBytes:
		return Drawn{}, &Fault{TooLarge, MaxBytes >> 20}
	}
	form, ok := formOf(file)
	if !ok {
		return Drawn{}, &Fault{Code: NotPicture}
	}
	if err := form.admit(file); err != nil {
		return Drawn{}, err
	}
	picture, err := form.open(file)
	if err != nil {
		return Drawn{}, err
	}
	upright := turn(shrink(picture, MaxSide), form.orientation(file))
	return encode(upright)
}

// form is a file format of pictures. Formats are named here and not registered: what another package registers must
// not become something that merchants can send.
type form struct {
	magic       func(file []byte) bool
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
	orientation func(file []byte) orientation
	perPixel    func(c image.Config, file []byte) int // bytes that the decoder takes
}

func formOf(file []byte) (form, bool) {
	for _, f := range []form{
		{begins("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode, ofJPEG, jpegPixel},
		{begins("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, ofPNG, pngPixel},
		{isWebP, webp.DecodeConfig, webp.Decode, ofWebP, func(image.Config, []byte) int { return 8 }},
	} {
		if f.magic(file) {
			return f, true
		}
	}
	return form{}, false
}

func begins(with string) func([]byte) bool {
	return func(file []byte) bool { return bytes.HasPrefix(file, []byte(with)) }
}

func isWebP(file []byte) bool {
	return len(file) > 16 && string(file[:4]) == "RIFF" && string(file[8:15]) == "WEBPVP8"
}

// jpegPixel counts a picture as progressive if it may be one: then the decoder holds every coefficient. The marker of a
// progressive frame stands in other files by chance only, and then fewer pixels are allowed than could be.
func jpegPixel(c image.Config, file []byte) int {
	planes := 3
	if c.ColorModel == color.CMYKModel {
		planes = 4
	}
	if bytes.Contains(file, []byte{0xff, 0xc2}) {
		return planes * 5
	}
	return planes
}

func pngPixel(c image.Config, _ []byte) int {
	switch c.ColorModel {
	case color.NRGBA64Model, color.RGBA64Model:
		return 8
	default:
		return 4
	}
}

// admit judges a picture by its header.
func (f form) admit(file []byte) error {
	c, err := f.config(bytes.NewReader(file))
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return &Fault{Code: Unreadable}
	}
	most := min(MaxPixels, maxMemory/f.perPixel(c, file))
	switch {
	case c.Width > most/c.Height:
		return &Fault{TooManyDots, most / million}
	case min(c.Width, c.Height) < MinSide:
		return &Fault{TooSmall, MinSide}
	}
	return nil
}

// open decodes. A decoder that panics over a file that was made for that is a file that cannot be read.
func (f form) open(file []byte) (picture image.Image, err error) {
	defer func() {
		if recover() != nil {
			picture, err = nil, &Fault{Code: Unreadable}
		}
	}()
	if picture, err = f.decode(bytes.NewReader(file)); err != nil {
		return nil, &Fault{Code: Unreadable} // the decoder's error may quote the file
	}
	return picture, nil
}

// shrink draws a picture on white paper, its longer side at most so long. It halves as long as it can, which is exact,
// and so never leaves out a line of small print.
func shrink(picture image.Image, side int) *image.RGBA {
	b := picture.Bounds()
	for max(b.Dx(), b.Dy()) >= 2*side {
		picture = drawAs(picture, (b.Dx()+1)/2, (b.Dy()+1)/2)
		b = picture.Bounds()
	}
	w, h := b.Dx(), b.Dy()
	if longer := max(w, h); longer > side {
		w, h = max(1, w*side/longer), max(1, h*side/longer)
	}
	return drawAs(picture, w, h)
}

func drawAs(picture image.Image, w, h int) *image.RGBA {
	paper := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(paper, paper.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(paper, paper.Bounds(), picture, picture.Bounds(), draw.Over, nil)
	return paper
}

// encode writes a JPEG, as good as fits.
func encode(picture image.Image) (Drawn, error) {
	var b bytes.Buffer
	for _, quality := range []int{88, 75, 60, 45} {
		b.Reset()
		if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: quality}); err != nil {
			return Drawn{}, &Fault{Code: Unreadable}
		}
		if b.Len() <= kept {
			break
		}
	}
	size := picture.Bounds()
	return Drawn{b.Bytes(), size.Dx(), size.Dy()}, nil
}

// View is how somebody wants to see a picture.
type View struct {
	Side int // pixels of the longer side at most; 0: as it is kept
	Turn int // degrees clockwise: 0, 90, 180 or 270
}

// Show draws a kept picture for a view.
func Show(kept []byte, v View) ([]byte, error) {
	if v == (View{}) {
		return kept, nil
	}
	picture, err := jpeg.Decode(bytes.NewReader(kept))
	if err != nil {
		return nil, &Fault{Code: Unreadable}
	}
	side := v.Side
	if side == 0 {
		side = MaxSide
	}
	drawn, err := encode(turn(shrink(picture, side), turned(v.Turn)))
	return drawn.JPEG, err
}
