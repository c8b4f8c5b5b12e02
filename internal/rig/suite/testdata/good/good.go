// Package good is for the tests of the suite.
package good

// Covered is half covered by its test.
func Covered(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
