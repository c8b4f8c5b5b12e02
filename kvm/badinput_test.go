package kvm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// notTried are methods that are left out here, and why.
var notTried = map[string]string{
	"VCPU.Run":  "runs what is in memory: run_test.go, promise_close_test.go",
	"VCPU.Loop": "runs what is in memory: run_test.go, promise_kick_test.go",
}

// nilIsFine are methods for which nil means something, and what.
var nilIsFine = map[string]string{
	"VM.X86SetMSRFilter": "no filter: what KVM allows by itself",
}

// answersClosed reports whether a method answers after Close too: Close itself does
// nothing then, and SyscallConn is as that of os.File, where the calls of what it
// returns fail.
func answersClosed(name string) bool {
	return strings.HasSuffix(name, ".Close") || strings.HasSuffix(name, ".SyscallConn")
}

// nothingToDo are methods that have nothing to ask for when there is nothing in
// their list, and do not ask.
var nothingToDo = map[string]bool{
	"System.MSRs": true, "VCPU.MSRs": true, "VCPU.SetMSRs": true, "Space.ReadAt": true, "Space.WriteAt": true,
}

// subject is a value whose methods are tried.
type subject struct {
	name string
	make func(t *testing.T) any
	zero any
}

var subjects = append([]subject{
	{"System", func(t *testing.T) any { return openSystem(t) }, new(System)},
	{"VM", func(t *testing.T) any { return newTestVM(t) }, new(VM)},
	{"VCPU", func(t *testing.T) any { return newTestVCPU(t, newTestVM(t)) }, new(VCPU)},
	{"Device", func(t *testing.T) any { return newTestDevice(t, newTestVM(t)) }, new(Device)},
	{"EventFD", func(t *testing.T) any { return newTestEventFD(t) }, new(EventFD)},
	{"Region", func(t *testing.T) any { return newBadInputRegion(t) }, new(memory.Region)},
	{"Space", func(*testing.T) any { return new(memory.Space) }, new(memory.Space)},
	{"VFIO", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateVFIO) }, new(VFIO)},
	{"Stats", func(t *testing.T) any { return newBadInputDevice(t, (*VM).StatsFD) }, new(Stats)},
	{"GuestMemfd", func(t *testing.T) any { return newBadInputGuestMemfd(t) }, new(GuestMemfd)},
}, subjectsHere...)

// newBadInputDevice is a subject that a new VM makes, if its kernel can.
func newBadInputDevice[T io.Closer](t *testing.T, create func(*VM) (T, error)) T {
	t.Helper()
	d, err := create(newTestVM(t))
	if err != nil {
		t.Skipf("needs a %v, which this host has not: %v", reflect.TypeFor[T](), err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func newBadInputGuestMemfd(t *testing.T) *GuestMemfd {
	t.Helper()
	return newBadInputDevice(t, func(vm *VM) (*GuestMemfd, error) { return vm.CreateGuestMemfd(1<<16, 0) })
}

// newTestDevice makes the device that every architecture has, if the kernel does.
func newTestDevice(t *testing.T, vm *VM) *Device {
	t.Helper()
	d, err := vm.CreateDevice(uapi.DevTypeVFIO)
	if err != nil {
		t.Skipf("needs a device, and the kernel has no KVM_DEV_TYPE_VFIO: %v", err)
	}
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func newBadInputRegion(t *testing.T) *memory.Region {
	t.Helper()
	r, err := memory.New(1 << 16)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// A pattern is one kind of wrong arguments.
type pattern struct {
	name     string
	number   uint64 // every number
	pointers bool   // to zero values, or nil
	fill     bool   // what pointers and slices lead to, with the number
	length   int    // of slices
}

var patterns = []pattern{
	{"nil", 0, false, false, 0},
	{"zero", 0, true, false, 1},
	{"huge", math.MaxUint64, true, true, 3},
	{"crooked", 0x1001, true, true, 1},
	{"huge and nil", math.MaxUint64, false, false, 0},
}

// value makes an argument.
func (p pattern) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 4 {
		return v
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(reflect.ValueOf(p.number).Convert(t).Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(reflect.ValueOf(p.number).Convert(t).Uint())
	case reflect.String:
		v.SetString(strings.Repeat("x", p.length))
	case reflect.Pointer:
		if p.pointers {
			v.Set(reflect.New(t.Elem()))
			if p.fill {
				v.Elem().Set(p.value(t.Elem(), depth+1))
			}
		}
	case reflect.Slice:
		if p.pointers {
			v.Set(reflect.MakeSlice(t, p.length, p.length))
			for i := range v.Len() {
				if p.fill {
					v.Index(i).Set(p.value(t.Elem(), depth+1))
				}
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(p.value(t.Elem(), depth+1))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(p.value(t.Field(i).Type, depth+1))
			}
		}
	case reflect.Func:
		if p.pointers {
			v.Set(reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return zeroResults(t) }))
		}
	case reflect.Interface:
		p.setInterface(v)
	}
	return v
}

// setInterface gives an interface what fits, if there is something.
func (p pattern) setInterface(v reflect.Value) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if v.Type() == reflect.TypeFor[context.Context]() {
		v.Set(reflect.ValueOf(ended)) // a nil one is a mistake that Go itself punishes
		return
	}
	for _, have := range []any{new(EventFD), strings.NewReader("")} {
		if p.pointers && reflect.TypeOf(have).Implements(v.Type()) {
			v.Set(reflect.ValueOf(have))
		}
	}
}

func zeroResults(t reflect.Type) []reflect.Value {
	var out []reflect.Value
	for i := range t.NumOut() {
		out = append(out, reflect.Zero(t.Out(i)))
	}
	return out
}

// trial is one method with its arguments.
type trial struct {
	name   string
	method reflect.Value
	args   []reflect.Value
}

func (p pattern) trial(name string, method reflect.Value) trial {
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		args = append(args, p.value(method.Type().In(i), 0))
	}
	return trial{name, method, args}
}

// hangTime is more than any call takes that does not wait.
const hangTime = 60 * time.Second

// call calls the method, under a watchdog, and returns its error. What it made is
// closed again.
func (c trial) call(t *testing.T) (hasError bool, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%s(%s) panics: %v\n%s", c.name, describeArgs(c.args), r, firstLines(string(debug.Stack()), 24))
			}
		}()
		hasError, err = c.results()
	}()
	select {
	case <-done:
	case <-time.After(hangTime):
		t.Fatalf("%s(%s) has not returned in %v", c.name, describeArgs(c.args), hangTime)
	}
	return hasError, err
}

func (c trial) results() (hasError bool, err error) {
	var out []reflect.Value
	if c.method.Type().IsVariadic() {
		out = c.method.CallSlice(c.args)
	} else {
		out = c.method.Call(c.args)
	}
	for _, v := range out {
		switch x := v.Interface().(type) {
		case error:
			err = x
		case io.Closer:
			if !v.IsNil() {
				_ = x.Close() // only not to be left behind
			}
		}
		hasError = hasError || v.Type() == reflect.TypeFor[error]()
	}
	return hasError, err
}

func describeArgs(args []reflect.Value) string {
	var words []string
	for _, a := range args {
		words = append(words, firstLines(fmt.Sprintf("%.60v", a), 1))
	}
	return strings.Join(words, ", ")
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(s, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

// each calls do for every exported method of a value.
func (s subject) each(v any, do func(name string, method reflect.Value)) {
	r := reflect.ValueOf(v)
	for i := range r.NumMethod() {
		name := s.name + "." + r.Type().Method(i).Name
		if notTried[name] == "" {
			do(name, r.Method(i))
		}
	}
}

// Whatever is given to a method, it comes back, and does not take nil for something.
func TestBadInputArguments(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			s.each(s.make(t), func(name string, m reflect.Value) {
				if strings.HasSuffix(name, ".Close") || m.Type().NumIn() == 0 {
					return
				}
				t.Run(name, func(t *testing.T) {
					fresh := reflect.ValueOf(s.make(t)).MethodByName(strings.TrimPrefix(name, s.name+"."))
					for _, p := range patterns {
						c := p.trial(name, fresh)
						hasError, err := c.call(t)
						if hasError && err == nil && !p.pointers && takesNil(m.Type()) && nilIsFine[name] == "" {
							t.Errorf("%s(%s), pattern %q: success", name, describeArgs(c.args), p.name)
						}
					}
				})
			})
		})
	}
}

// takesNil reports whether a method has an argument that can be nil and has to be
// there: a pointer or a function.
func takesNil(m reflect.Type) bool {
	for i := range m.NumIn() {
		if k := m.In(i).Kind(); k == reflect.Pointer || k == reflect.Func {
			return true
		}
	}
	return false
}

// Whatever is called after Close, or on a zero value, is an error.
func TestBadInputClosed(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			s.each(s.zero, func(name string, m reflect.Value) {
				if s.name == "Space" {
					return // its zero value is an empty one
				}
				for _, p := range patterns {
					c := p.trial(name, m)
					if hasError, err := c.call(t); hasError && err == nil && !answersClosed(name) && (p.pointers || !nothingToDo[name]) {
						t.Errorf("%s(%s) of a zero value: success", name, describeArgs(c.args))
					}
				}
			})
			v := s.make(t)
			must(t, v.(io.Closer).Close())
			s.each(v, func(name string, m reflect.Value) {
				for _, p := range patterns {
					c := p.trial(name, m)
					hasError, err := c.call(t)
					switch {
					case !hasError, answersClosed(name), nothingToDo[name] && !p.pointers:
					case err == nil:
						t.Errorf("%s(%s) after Close: success", name, describeArgs(c.args))
					case !isUsageError(err):
						t.Errorf("%s(%s) after Close: %v", name, describeArgs(c.args), err)
					}
				}
			})
		})
	}
}

// isUsageError reports whether a call was refused for what the caller did, and not
// tried.
func isUsageError(err error) bool {
	for _, e := range []error{ErrClosed, memory.ErrClosed, memory.ErrAlign, memory.ErrRange, ErrInvalid, ErrNotSupported} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
