// Command numbers is the agent of the storm: it prints numbered lines and writes down every line that it is given.
//
// It begins with the first line that it is given, and prints a number in each period, which is its argument. When it is
// given "end" it prints "end after N" and no number any more. It ends with its input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "numbers:", err)
		os.Exit(1)
	}
}

func run() error {
	period, err := time.ParseDuration(strings.Join(os.Args[1:], " "))
	if err != nil {
		return err
	}
	given, err := os.OpenFile("given", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for input := bufio.NewScanner(os.Stdin); input.Scan(); {
			lines <- input.Text()
		}
	}()
	var tick <-chan time.Time
	printed := 0
	for {
		select {
		case <-tick:
			printed++
			fmt.Println(printed)
		case line, ok := <-lines:
			if !ok {
				return given.Close()
			}
			if _, err := fmt.Fprintln(given, line); err != nil {
				return err
			}
			if tick == nil {
				tick = time.Tick(period)
			}
			if line == "end" {
				tick = make(chan time.Time)
				fmt.Println("end after", printed)
			}
		}
	}
}
