// Command polite is an agent that echoes each line, and when it is told to end still answers what it was given before.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// quiet is how long its input must be silent for there to be no more.
const quiet = 200 * time.Millisecond

func main() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for input := bufio.NewScanner(os.Stdin); input.Scan(); {
			lines <- input.Text()
		}
	}()
	var ending <-chan time.Time // nil until it is told
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			fmt.Println(line)
			if ending != nil {
				ending = time.After(quiet)
			}
		case <-told:
			ending = time.After(quiet)
		case <-ending:
			return
		}
	}
}
