// Package campaign tells what a version of a policy came to: every account that its rules cover, once, with its prompts,
// reminders, verification, restrictions, extensions and notices, and their sums. It reads the log page by page, so its
// memory does not grow with the population, and writes the report as JSON, CSV or HTML, or as a pack of evidence.
package campaign
