// Package activities is the outside world of the workflows: one struct per concern, each with the small
// interfaces that it needs, satisfied elsewhere. An activity does one thing, says in its error type whether a
// retry can help, and never puts personal data into a result, an error or a log line.
package activities
