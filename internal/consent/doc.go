// Package consent holds the texts that merchants agree to, every version of them, and says what a consent has to name.
//
// A text never changes: its file is pinned by its SHA-256, and whoever changes a text gives it a new version. Old
// versions stay, so that it can be shown for ever what exactly somebody agreed to. See docs/consents.md.
package consent
