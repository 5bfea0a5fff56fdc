// Package facetest is the conformance suite of the face port: what any adapter
// must do, whatever service is behind it. An adapter's test calls [Run] with a
// factory that yields the adapter and the means to play person, clock and fault.
package facetest
