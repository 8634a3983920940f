package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is where it was measured, and beside what.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	GiB    float64 `json:"gib"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
	Nginx  string  `json:"nginx"`
	Node   string  `json:"node"`
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s; %s, nginx %s, Node.js %s", m.CPU, m.Cores, m.GiB, m.Kernel, m.Go, m.Nginx, m.Node)
}

// thisMachine finds out.
func thisMachine(ctx context.Context) (Machine, error) {
	m := Machine{CPU: "unknown processor", Cores: runtime.NumCPU(), Go: runtime.Version()}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return m, err
	}
	m.GiB = float64(info.Totalram*uint64(info.Unit)>>20) / 1024
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return m, err
	}
	m.Kernel = unix.ByteSliceToString(name.Release[:])
	nginx, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput()
	if err != nil {
		return m, fmt.Errorf("nginx -v: %w", err)
	}
	_, m.Nginx, _ = strings.Cut(strings.TrimSpace(string(nginx)), "nginx/")
	node, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return m, fmt.Errorf("node --version: %w", err)
	}
	m.Node = strings.TrimPrefix(strings.TrimSpace(string(node)), "v")
	return m, nil
}

// loadAverage is the machine's over the last minute.
func loadAverage() (float64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseFloat(first, 64)
}
