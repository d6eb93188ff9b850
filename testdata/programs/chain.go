// chain-go SECONDS: main.main > main.bake > main.(*oven).heat > main.glow, with main.shine inlined into glow.
package main

import (
	"os"
	"strconv"
	"time"
)

type oven struct{ degrees int }

var sink int

func shine(n int) int {
	return n*31 + 7
}

// The array gives it a frame; a leaf without one hides its caller from a walk by frame pointers.
//
//go:noinline
func glow(turns int) int {
	var sums [8]int
	for i := 0; i < turns; i++ {
		sums[i%8] = shine(sums[(i+1)%8] + i)
	}
	return sums[turns%8]
}

//go:noinline
func (o *oven) heat() int {
	return glow(1000000) + o.degrees
}

//go:noinline
func bake(o *oven) {
	sink += o.heat()
	sink++
}

func main() {
	seconds := 10.0
	if len(os.Args) > 1 {
		if parsed, err := strconv.ParseFloat(os.Args[1], 64); err == nil {
			seconds = min(parsed, 600)
		}
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for time.Now().Before(end) {
		bake(&oven{degrees: 200})
	}
}
