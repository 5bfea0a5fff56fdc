// Package config is every setting of the program in one struct: what it is for, its unit, its default and its
// bounds.
//
// Load reads a YAML file, then the environment, then flags; the later one wins. It collects every fault instead of
// stopping at the first, each with the field, the bound and what to do. The comments and tags of the struct are the
// reference: docs/configuration.md is generated from them, and a test fails when it lags behind.
//
// Secrets are never written into the file. A field of type Secret says where its value is: file:PATH or env:NAME.
package config
