package bridge

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hearth/messages/wire"
)

// nodeAgent loads some of Node's own modules and a program of its own, with a compile cache if there is one, and echoes.
// Told "warm" it does not stay, and writes the cache.
const nodeAgent = `
const fs = require('fs'), vm = require('vm'), path = require('path');
for (const name of ['http', 'https', 'crypto', 'zlib', 'stream', 'child_process', 'readline', 'url']) require(name);
const source = path.join(__dirname, 'program.js'), cache = path.join(__dirname, 'cache', 'program');
let cachedData;
try { cachedData = fs.readFileSync(cache) } catch {}
const script = new vm.Script(fs.readFileSync(source, 'utf8'), {filename: source, cachedData});
if (cachedData && script.cachedDataRejected) throw new Error('the compile cache is of no use');
script.runInThisContext()();
if (process.argv[2] === 'warm') {
	fs.writeFileSync(cache, script.createCachedData());
} else {
	fs.writeFileSync(path.join(process.env.TMPDIR, 'loaded'), '');
	process.stdin.pipe(process.stdout);
}
`

// nodeFunctions is how many functions program.js has. With them Node takes about 200 ms from its start to its first answer.
const nodeFunctions = 1000

// preloadRounds is how often each mode is measured, whatever -benchtime says.
const preloadRounds = 25

// nodeProgram is the text of program.js, which takes time to compile as a bundled agent does.
func nodeProgram() string {
	var text strings.Builder
	text.WriteString("(function () { 'use strict'; const all = [];\n")
	for i := range nodeFunctions {
		fmt.Fprintf(&text, `function f%[1]d(o) {
	const a = {id: %[1]d, name: 'module-%[1]d', list: [1, 2, 3, 5, 8, 13, 21, 34, 55, %[1]d], nested: {x: o.x + %[1]d, y: o.y}};
	function inner(k) { let s = 0; for (const v of a.list) { s += v * k; if (s > 1e9) s = s %% 7; } return s; }
	const m = new Map(Object.entries(a.nested)), r = a.list.map(v => v + %[1]d).filter(v => v %% 2).reduce((p, c) => p + c, 0);
	if (r < 0) throw new Error('unexpected ' + r + ' in ' + a.name);
	return inner(%[1]d) + r + m.size;
}
all.push(f%[1]d);
`, i)
	}
	text.WriteString("let t = 0; for (const f of all) t += f({x: 1, y: 2}); return t; })")
	return text.String()
}

// nodeImage is a directory that stands for an image: Node, the agent and its compile cache.
type nodeImage struct{ dir string }

func newNodeImage(b *testing.B) nodeImage {
	b.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		b.Fatal("this benchmark's agent is a Node program: install nodejs")
	}
	image := nodeImage{dir: passable(b)}
	for name, text := range map[string]string{"agent.js": nodeAgent, "program.js": nodeProgram()} {
		if err := os.WriteFile(filepath.Join(image.dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(image.dir, "cache"), 0o755); err != nil {
		b.Fatal(err)
	}
	from, err := os.Open(node)
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(image.dir, "node"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		b.Fatal(err)
	}
	if err := to.Close(); err != nil {
		b.Fatal(err)
	}
	return image
}

// makeCold is what a host is like that has just pulled the image: nothing of it is in memory, and there is no compile cache.
func (image nodeImage) makeCold(b *testing.B) {
	b.Helper()
	if err := os.RemoveAll(filepath.Join(image.dir, "cache", "program")); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"node", "agent.js", "program.js"} {
		file, err := os.Open(filepath.Join(image.dir, name))
		if err == nil {
			err = file.Sync() // what is not on the disk stays in memory
		}
		if err == nil {
			err = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
		}
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPreload measures what each AGENT_PRELOAD leaves of an agent's start, from a claim's init_user to ready, and to the
// agent's answer to the input that comes with it. The agent is a Node program. "first" is the first agent of a host, of whose
// image nothing is in memory; cache starts from there, and has its warm-up before the claim. The modes take turns, so that what
// else the machine does meets them all. The figures are medians.
func BenchmarkPreload(b *testing.B) {
	image := newNodeImage(b)
	modes := []struct {
		name string
		mode PreloadMode
		cold bool
	}{{"off-first", PreloadOff, true}, {"off", PreloadOff, false}, {"cache", PreloadCache, true}, {"process", PreloadProcess, true}}
	ready, answer := map[string][]time.Duration{}, map[string][]time.Duration{}
	for b.Loop() {
		for range preloadRounds {
			for _, m := range modes {
				if m.cold {
					image.makeCold(b)
				}
				toReady, toAnswer := image.claim(b, m.mode)
				ready[m.name], answer[m.name] = append(ready[m.name], toReady), append(answer[m.name], toAnswer)
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of all rounds together, which says nothing
	for _, m := range modes {
		for what, times := range map[string][]time.Duration{"ready": ready[m.name], "answer": answer[m.name]} {
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, m.name+"-"+what+"-ms")
		}
	}
}

// standing is how long a task has been warm when its user comes: longer than its helper takes to begin, as nearly always.
const standing = 150 * time.Millisecond

// claim has a warm task become a user's, once it is as warm as it gets.
func (image nodeImage) claim(b *testing.B, mode PreloadMode) (toReady, toAnswer time.Duration) {
	b.Helper()
	g := newGateway(b)
	cfg := testConfig(b, g)
	temps := passable(b)
	b.Setenv("TMPDIR", temps)
	cfg.WorkspaceRoot, cfg.Isolation = passable(b), "uid,landlock"
	cfg.AgentReadPaths = append(cfg.AgentReadPaths, image.dir)
	agent := filepath.Join(image.dir, "node") + " " + filepath.Join(image.dir, "agent.js")
	cfg.AgentCommand, cfg.AgentPreload, cfg.PreloadCommand = agent, mode, agent+" warm"
	r := start(b, cfg)
	p := g.next()
	if mode == PreloadProcess {
		awaitFile(b, temps+"/hearth-*/loaded")
	}
	if mode == PreloadCache && !strings.Contains(r.log.String(), "has run") {
		b.Fatal("the warm-up has failed")
	}
	time.Sleep(standing)
	begin := time.Now()
	p.Send(r.initUser())
	p.SendData(1, `"hello"`)
	expect[wire.Accepted](p)
	expect[wire.BridgeReady](p)
	toReady = time.Since(begin)
	skipTo[wire.Data](p)
	toAnswer = time.Since(begin)
	p.Send(wire.Stop{GraceMs: 5000})
	skipTo[wire.Exit](p)
	if err := r.wait(); err != nil {
		b.Error(err)
	}
	return toReady, toAnswer
}
