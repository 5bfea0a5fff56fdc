// Package chart draws figures as SVG on the server: a line over time, horizontal bars, stacked columns, each in a wide
// and a narrow form and with its data as a table.
//
// A drawing is readable without colour: lines differ by dashes, areas by patterns, and each is named where it is drawn
// or beside a sample of it. It holds no style attribute, so a strict Content-Security-Policy admits it; colours come from the
// classes c0 to c5 and soft, which the page's style sheet gives a color. Texts are the caller's, in the reader's language.
//
// Values are counts and durations: what is negative, infinite or no number is not drawn, whatever the data.
package chart
