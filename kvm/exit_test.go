package kvm

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// fakeVCPU has a run area that the test writes instead of KVM.
func fakeVCPU(tb testing.TB) *vcpuCore {
	tb.Helper()
	run, err := sys.MapAnonymous(uintptr(3 * sys.PageSize()))
	must(tb, err)
	fd, err := sys.NewEventFD()
	if err != nil {
		run.Destroy()
		tb.Fatal(err)
	}
	c := &vcpuCore{run: run, page: runPage(run), area: run.Bytes()}
	c.fd = fdOf[uapi.VCPUIoctl]{sys.NewFD(fd, func(fd int) {
		run.Destroy()
		sys.CloseFD(fd)
	})}
	tb.Cleanup(func() { c.fd.Close() })
	return c
}

// exitWith is the exit that Run would return now.
func (c *vcpuCore) exitWith(reason uapi.ExitReason) Exit {
	c.page.ExitReason = uint32(reason)
	return Exit{core: c, seq: c.seq.Load(), reason: reason}
}

// fill makes every byte of the union and of the words before it the same.
func (c *vcpuCore) fill(b byte) {
	p := c.run.Bytes()
	for i := range p {
		p[i] = b
	}
}

// known lists the reasons that the headers have.
func known() []uapi.ExitReason { return slices.Collect(uapi.ExitReasons()) }

// accessor finds the method of Exit that is named after a reason.
func accessor(r uapi.ExitReason) (reflect.Method, bool) {
	want := strings.ReplaceAll(strings.TrimPrefix(r.String(), "KVM_EXIT_"), "_", "")
	t := reflect.TypeFor[Exit]()
	for i := range t.NumMethod() {
		if strings.EqualFold(t.Method(i).Name, want) {
			return t.Method(i), true
		}
	}
	return reflect.Method{}, false
}

func call(m reflect.Method, e Exit) reflect.Value {
	return m.Func.Call([]reflect.Value{reflect.ValueOf(e)})[0]
}

func TestEveryExitReasonHasAnAccessor(t *testing.T) {
	reasons := known()
	if len(reasons) < 44 {
		t.Fatalf("uapi names %d exit reasons, the headers of Linux 7.2 have 44", len(reasons))
	}
	c := fakeVCPU(t)
	for _, r := range reasons {
		m, ok := accessor(r)
		if !ok {
			t.Errorf("Exit has no method for %v", r)
			continue
		}
		if m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
			t.Errorf("Exit.%s has the type %v", m.Name, m.Type)
			continue
		}
		if m.Type.Out(0).Size() == 0 {
			continue // an architecture without details, as riscv64 for KVM_EXIT_DEBUG
		}
		c.fill(1)
		if got := call(m, c.exitWith(r)); got.IsZero() {
			t.Errorf("%v: Exit.%s says nothing: %+v", r, m.Name, got)
		}
	}
}

// The accessor of another reason, an old exit and a closed vCPU.
func TestExitSaysNothingWhenItIsNotItsTurn(t *testing.T) {
	c := fakeVCPU(t)
	c.fill(1)
	reasons := known()
	for _, r := range reasons {
		for _, other := range append(reasons, 1000) {
			if m, ok := accessor(r); ok && r != other {
				if got := call(m, c.exitWith(other)); !got.IsZero() {
					t.Errorf("Exit.%s answers to %v with %+v", m.Name, other, got)
				}
			}
		}
	}
	old := map[uapi.ExitReason]Exit{}
	for _, r := range reasons {
		old[r] = c.exitWith(r)
	}
	c.seq.Add(1)
	sayNothing(t, "after the next Run", old)
	for _, r := range reasons {
		old[r] = c.exitWith(r)
	}
	c.fd.Close()
	sayNothing(t, "after Close", old)
	sayNothing(t, "that is zero", map[uapi.ExitReason]Exit{uapi.ExitUnknown: {}})
}

func sayNothing(t *testing.T, when string, exits map[uapi.ExitReason]Exit) {
	t.Helper()
	for r, e := range exits {
		if m, ok := accessor(r); ok && !call(m, e).IsZero() {
			t.Errorf("an Exit %s: Exit.%s says %+v", when, m.Name, call(m, e))
		}
		if e.Raw() != [32]uint64{} || e.Flags() != 0 || e.EmulationFailure() != (EmulationFailure{}) {
			t.Errorf("an Exit %s shows the run area", when)
		}
	}
}

// answers calls every method of a value that takes something, with ones.
func answers(v reflect.Value) (called int) {
	for i := range v.NumMethod() {
		m := v.Method(i)
		if m.Type().NumIn() == 0 && m.Type().NumOut() != 0 || m.Type().IsVariadic() {
			continue
		}
		args := make([]reflect.Value, m.Type().NumIn())
		for j := range args {
			args[j] = ones(m.Type().In(j))
		}
		m.Call(args)
		called++
	}
	return called
}

// ones is a value of a type with every number in it 1.
func ones(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		for i := range v.Elem().Len() {
			v.Elem().Index(i).SetUint(1)
		}
	case reflect.Slice:
		v.SetBytes([]byte{1, 1, 1, 1})
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	default:
		v.SetUint(1)
	}
	return v
}

func TestAnswersToOldExitsChangeNothing(t *testing.T) {
	c := fakeVCPU(t)
	count := 0
	for _, r := range known() {
		m, ok := accessor(r)
		if !ok || m.Type.Out(0).Kind() != reflect.Struct {
			continue
		}
		c.fill(1)
		got := call(m, c.exitWith(r))
		var data reflect.Value
		if d := got.MethodByName("Data"); d.IsValid() && d.Type().NumIn() == 0 {
			data = d.Call(nil)[0]
		}
		c.fill(0x77)
		before := bytes.Clone(c.run.Bytes())
		c.seq.Add(1)
		count += answers(got)
		if data.IsValid() {
			count += answers(data)
			if n := data.Interface().(Data).CopyTo(make([]byte, 8)); n != 0 {
				t.Errorf("%v: old data give %d bytes", r, n)
			}
		}
		if !bytes.Equal(before, c.run.Bytes()) {
			t.Errorf("%v: an answer to an old exit reached the run area", r)
		}
	}
	if count < 20 {
		t.Errorf("only %d answers were tried", count)
	}
}

func TestRawViewOfAnUnknownReason(t *testing.T) {
	c := fakeVCPU(t)
	c.page.Union[0], c.page.Union[31] = 0x1122334455667788, 99
	e := c.exitWith(123)
	if got := e.Reason().String(); got != "ExitReason(123)" {
		t.Errorf("the reason reads %q", got)
	}
	raw := e.Raw()
	if raw[0] != 0x1122334455667788 || raw[31] != 99 {
		t.Errorf("Raw = %x", raw)
	}
	c.page.Union[0] = 0
	if raw[0] == 0 {
		t.Error("Raw is no copy")
	}
}
