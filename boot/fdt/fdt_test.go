package fdt

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needDTC skips where dtc is missing; KVM_TEST_REQUIRE=1 makes that a failure.
func needDTC(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("dtc")
	if err == nil {
		return p
	}
	const remedy = "dtc is missing: apt-get install device-tree-compiler"
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return ""
}

// small is the tree of testdata/small.dts.
func small() *Node {
	root := New().Uint32("#address-cells", 2).Uint32("#size-cells", 2)
	root.Text("compatible", "replaced below").Text("empty", "")
	root.At("memory", 0x80000000).Text("device_type", "memory").Uint64("reg", 0x80000000, 4<<30)
	cpus := root.Child("cpus").Uint32("#address-cells", 1).Uint32("#size-cells", 0)
	cpu := cpus.At("cpu", 0).Text("compatible", "first,cpu", "riscv").Uint32("reg", 0).Set("odd", []byte{1, 2, 3})
	cpu.Child("interrupt-controller").Flag("interrupt-controller").Uint32("phandle", 1)
	root.Text("compatible", "linux,dummy-virt")
	return root
}

// TestEncodeIsWhatDTCMakes compares with what dtc compiles from source, byte for
// byte: both put the blocks and the names in the same order.
func TestEncodeIsWhatDTCMakes(t *testing.T) {
	dtc := needDTC(t)
	var want, messages bytes.Buffer
	cmd := exec.Command(dtc, "-q", "-I", "dts", "-O", "dtb", filepath.Join("testdata", "small.dts"))
	cmd.Stdout, cmd.Stderr = &want, &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("dtc: %v\n%s", err, &messages)
	}
	got, err := small().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%d bytes\n% x\ndtc makes %d bytes\n% x", len(got), got, want.Len(), want.Bytes())
	}
}

// TestEncodeByHand checks the smallest tree against the specification, without dtc.
func TestEncodeByHand(t *testing.T) {
	got, err := New().Uint32("a", 0x01020304).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, v := range []uint32{
		0xd00dfeed, 94, 56, 92, 40, 17, 16, 0, 2, 36, // header
		0, 0, 0, 0, // no reservations
		1, 0, 3, 4, 0, 0x01020304, 2, 9, // the root with its property
	} {
		want = binary.BigEndian.AppendUint32(want, v)
	}
	want = append(want, "a\x00"...)
	binary.BigEndian.PutUint32(want[4:], uint32(len(want)))
	binary.BigEndian.PutUint32(want[12:], uint32(len(want)-2))
	binary.BigEndian.PutUint32(want[36:], uint32(len(want)-2-56))
	if !bytes.Equal(got, want) {
		t.Errorf("% x\nwant\n% x", got, want)
	}
}

func TestChildIsMadeOnce(t *testing.T) {
	root := New()
	cpus := root.Child("cpus")
	if again := root.Child("cpus"); again != cpus || root.At("cpu", 16) != root.Child("cpu@10") {
		t.Error("a node was made twice")
	}
}

func TestSetKeepsACopy(t *testing.T) {
	value := []byte{1, 2, 3, 4}
	root := New().Set("a", value)
	value[0] = 9
	b, err := root.Encode()
	if err != nil || !bytes.Contains(b, []byte{1, 2, 3, 4}) {
		t.Errorf("% x, %v", b, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	deep := New()
	for n, i := deep, 0; i < 70; i++ {
		n = n.Child("deeper")
	}
	for name, c := range map[string]struct {
		tree *Node
		want string
	}{
		"a node's name":           {root("a/b"), `"a/b"`},
		"a node without a name":   {root(""), `""`},
		"an empty address":        {root("cpu@"), `"cpu@"`},
		"a long name":             {root(strings.Repeat("n", 32)), "1 to 31"},
		"a property's name":       {New().Flag("a b"), `"a b"`},
		"a NUL in a name":         {New().Flag("a\x00"), "property"},
		"a property of 2 MiB":     {New().Set("a", make([]byte, MaxSize+1)), "at most 2097152"},
		"two properties of 1 MiB": {New().Set("a", make([]byte, 1<<20)).Set("b", make([]byte, 1<<20)), "at most 2097152"},
		"depth":                   {deep, "deeper"},
		"a part of a tree":        {New().Child("cpus"), "not the root"},
	} {
		if b, err := c.tree.Encode(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d bytes, %v; want an error with %q", name, len(b), err, c.want)
		}
	}
}

// root returns a tree with one child.
func root(child string) *Node {
	n := New()
	n.Child(child)
	return n
}
