// Package builds tests what other builds of the program leave out.
package builds
