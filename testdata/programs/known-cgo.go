// known-cgo: C called from Go, and Go around it.
package main

/*
#cgo CFLAGS: -O2 -fomit-frame-pointer
__attribute__((noipa)) static void c_leaf(void) { __asm__ volatile("xor %%eax, %%eax\n\tadd $1, %%eax" ::: "rax", "rbx", "rbp", "memory"); }
__attribute__((noipa)) static void c_outer(void) { for (int i = 0; i < 300; i++) c_leaf(); __asm__ volatile("" ::: "memory"); }
*/
import "C"
import "time"

var sink int

//go:noinline
func goLeaf(n int) int { return n ^ sink }

//go:noinline
func goLoop(n int) int {
	sum := 0
	for i := 0; i < 300; i++ {
		sum += goLeaf(n + i)
	}
	return sum
}

//go:noinline
func callsC() {
	C.c_outer()
	sink++
}

func main() {
	end := time.Now().Add(600 * time.Second)
	for time.Now().Before(end) {
		for n := 0; n < 20000; n++ {
			sink += goLoop(n)
			callsC()
		}
	}
}
