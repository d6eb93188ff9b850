// known-go: short functions with and without frames, in the main goroutine and in others.
package main

import (
	"time"
	_ "unsafe"
)

var sink int

//go:noinline
func frameless(n int) int { return n ^ sink }

//go:noinline
func framed(n int) int {
	var values [40]int
	for i := 0; i < 3; i++ {
		values[(n+i)&31] = n
	}
	return values[n&31]
}

//go:noinline
func innermost(n int) int { return n + 2*sink }

//go:noinline
func middle(n int) int { return innermost(n+1) * 3 }

//go:noinline
func outer(n int) int { return middle(n) - 1 }

type shape interface{ area(int) int }
type square struct{ side int }

//go:noinline
func (s *square) area(n int) int { return side(s.side) * n }

//go:noinline
func side(n int) int { return n | 1 }

//go:noinline
func dynamic(s shape, n int) int { return s.area(n) + 1 }

// The runtime's switch to the thread's own stack.
//
//go:linkname systemstack runtime.systemstack
func systemstack(work func())

//go:noinline
func onOtherStack() int { return sink*3 + 1 }

//go:noinline
func switched() {
	for n := 0; n < 20; n++ {
		sink ^= onOtherStack() & 1
	}
}

//go:noinline
func switches() { systemstack(switched) }

//go:noinline
func once(s shape, n int) int {
	return frameless(n) + framed(n) + outer(n) + dynamic(s, n)
}

//go:noinline
func inGoroutine(n int) int { return n*5 + sink }

//go:noinline
func goroutineFrame(n int) int { return inGoroutine(n) + 7 }

func worker() {
	for n := 0; ; n++ {
		if goroutineFrame(n) == -1 {
			return
		}
	}
}

func main() {
	go worker()
	end := time.Now().Add(600 * time.Second)
	square := &square{3}
	for time.Now().Before(end) {
		for n := 0; n < 20000000; n++ {
			if once(square, n) == -1 {
				return
			}
			switches()
		}
	}
}
