// Package policytest reads the rules' boundary cases from YAML and runs them, so that an operator can review what
// the tests assert, and the API's end-to-end test can ask the same questions over HTTP.
package policytest
