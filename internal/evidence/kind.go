package evidence

import "slices"

// Medium is what a piece of evidence is made of.
type Medium string

// The media.
const (
	Picture Medium = "picture"
	Words   Medium = "words"
)

// Kind is what a piece of evidence shows.
type Kind struct {
	Name   string // stable; stands in the API, the store and the settings
	Medium Medium
	Most   int // how many of it one review may have; if that is one, another replaces it
}

// Names of kinds.
const (
	IDFront = "id_front"
	IDBack  = "id_back"
	Holding = "holding"
	Other   = "other"
)

// Kinds is the table of what can be given. To add a kind, add its row here and its texts to the messages of the pages.
func Kinds() []Kind {
	return []Kind{
		{IDFront, Picture, 1}, // the side with the portrait
		{IDBack, Picture, 1},  // the side with the emblem
		{Holding, Words, 1},   // who holds the card, and how that person is related to the shop
		{Other, Picture, 3},   // a licence, an authorisation
	}
}

// Needed are the kinds that a review cannot do without, unless the settings say otherwise.
func Needed() []string { return []string{IDFront, IDBack, Holding} }

// Place is where a kind stands in the table.
func Place(name string) int {
	return slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Name == name })
}

// KindOf returns the kind of a name.
func KindOf(name string) (Kind, bool) {
	if i := Place(name); i >= 0 {
		return Kinds()[i], true
	}
	return Kind{}, false
}
