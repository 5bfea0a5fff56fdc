package evidence

import "strconv"

// Code says what is wrong with something that was given. Pages and API have words for each.
type Code string

// The codes.
const (
	UnknownKind Code = "unknown_kind"
	Empty       Code = "empty"
	TooLarge    Code = "file_too_large"  // in bytes
	NotPicture  Code = "not_a_picture"   // of none of the formats that are read
	TooManyDots Code = "too_many_pixels" // more than may be decoded
	TooSmall    Code = "picture_too_small"
	Unreadable  Code = "unreadable" // begins like a picture and is none, or ends too soon
	TooLong     Code = "too_long"   // words
	NoText      Code = "no_text"    // words that are none
	TooMany     Code = "too_many"   // of one kind
)

// Codes lists every code.
func Codes() []Code {
	return []Code{UnknownKind, Empty, TooLarge, NotPicture, TooManyDots, TooSmall, Unreadable, TooLong, NoText, TooMany}
}

// Fault is the error for something that cannot be taken as it is. It holds nothing of what was given.
type Fault struct {
	Code  Code
	Bound int // that was passed, in the unit of the code: MiB, million pixels, pixels, characters or pieces; 0: none
}

func (f *Fault) Error() string {
	text := "evidence: " + string(f.Code)
	if f.Bound > 0 {
		text += ", bound " + strconv.Itoa(f.Bound)
	}
	return text
}
