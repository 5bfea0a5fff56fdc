// Package page is what server-rendered pages are made of: texts in two languages, templates around one layout, files
// named by a digest of their content, and the headers that keep a page to itself. The merchant pages and the admin
// pages are both built of it.
package page
