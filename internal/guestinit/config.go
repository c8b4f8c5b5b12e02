// Package guestinit is the first process of the guests that this project makes: it
// loads modules, mounts the root, sets the network up, and then runs commands for
// the host (package agent). It is no program of its own: the program that starts a
// guest is the guest's /init too, and finds out by itself where it is.
package guestinit

// Paths in the initramfs.
const (
	ConfigPath = "/linuxkvm/config.json"
	ModuleDir  = "/linuxkvm/modules"
)

// Config is what the host wants of the guest.
type Config struct {
	Modules  []Module `json:"modules,omitempty"`
	Hostname string   `json:"hostname,omitempty"`
	Root     Root     `json:"root"`
	// Mounts come after the root, in this order, with targets in it.
	Mounts []Mount `json:"mounts,omitempty"`
	Net    []Net   `json:"net,omitempty"`
	// Env is the environment of a command that brings none.
	Env []string `json:"env,omitempty"`
}

// Module is a file with a module to load.
type Module struct {
	Path     string `json:"path"`
	Params   string `json:"params,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// Root is what stands at / for commands.
type Root struct {
	// Mount is the file system; one without a type is the initramfs itself.
	Mount
	// Overlay puts a layer in memory over it, which takes what is written.
	Overlay bool `json:"overlay,omitempty"`
}

// Mount is a file system.
type Mount struct {
	Source   string `json:"source,omitempty"` // a tag or a device
	Target   string `json:"target,omitempty"`
	Type     string `json:"type,omitempty"`
	Data     string `json:"data,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Net is a network interface with fixed addresses.
type Net struct {
	Name    string   `json:"name"`
	Addr    string   `json:"addr,omitempty"` // 192.0.2.2/24
	Gateway string   `json:"gateway,omitempty"`
	DNS     []string `json:"dns,omitempty"`
	MTU     int      `json:"mtu,omitempty"`
}

// Ready is what the guest says to the host when it takes commands.
type Ready struct {
	Release string `json:"release"`
	// Problems are what went wrong without being fatal.
	Problems []string `json:"problems,omitempty"`
}

// ReadyPort is the vsock port of the host on which the guest says so.
const ReadyPort = 1024

// FatalPrefix begins the line on the console that says why there will be no guest.
const FatalPrefix = "linuxkvm: fatal: "
