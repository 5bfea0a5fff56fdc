// Package deploy judges what is deployed with: the Helm chart, the compose file and the files they use. It is a module of
// its own because Helm and the types of Kubernetes are nothing that the program is built of.
package deploy
