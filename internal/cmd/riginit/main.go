// Command riginit is /init of the guests that the rig boots. It is built static
// for the architecture of the lane and is of no use elsewhere.
package main

import "linuxkvm/internal/rig/agent"

func main() { agent.Main() }
