// Package host finds out what this host's KVM offers and puts it into words.
package host
