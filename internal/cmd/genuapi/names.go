package main

import "strings"

// words spells the words of C names that do not just get a capital letter. A
// word is looked up in lower case: as it stands, then without a plural s, then
// without the digits it ends with.
var words = map[string]string{}

func init() {
	for w := range strings.FieldsSeq(initialisms) {
		words[strings.ToLower(w)] = w
	}
}

// goName makes a Go name of a C name: the words between the underscores, each
// with its capitals. Between two digits the underscore stays.
func goName(c string) string {
	var b strings.Builder
	for w := range strings.SplitSeq(c, "_") {
		if w == "" {
			continue
		}
		if so := b.String(); so != "" && isDigit(w[0]) && isDigit(so[len(so)-1]) {
			b.WriteByte('_')
		}
		b.WriteString(spell(strings.ToLower(w)))
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// spell writes one word, given in lower case.
func spell(w string) string {
	if s, ok := words[w]; ok {
		return s
	}
	if stem, ok := strings.CutSuffix(w, "s"); ok {
		if s, ok := words[stem]; ok {
			return s + "s"
		}
	}
	stem := strings.TrimRight(w, "0123456789")
	if s, ok := words[stem]; ok {
		return s + w[len(stem):]
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

// constantName names a macro or an enumeration constant.
func constantName(c, enumTag string) string {
	if name, ok := renamed[c]; ok {
		return name
	}
	if p, ok := enumPrefixes[enumTag]; ok && enumTag != "" {
		if rest, ok := strings.CutPrefix(c, p.c); ok {
			return p.golang + goName(rest)
		}
	}
	for _, p := range constantPrefixes {
		if rest, ok := strings.CutPrefix(c, p.c); ok {
			return p.golang + goName(rest)
		}
	}
	return goName(strings.TrimPrefix(strings.TrimPrefix(c, "KVM_"), "kvm_"))
}

// recordName names a struct with a tag.
func recordName(tag string) string {
	if name, ok := renamed[tag]; ok {
		return name
	}
	return goName(strings.TrimPrefix(tag, "kvm_"))
}
