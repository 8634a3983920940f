package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// openConsole starts a gateway with a shell in a terminal, and its page at the address that it has printed.
func openConsole(t *testing.T, width, height int, dark bool, environment ...string) (realGateway, page) {
	t.Helper()
	dir := sharedDir(t)
	g := startGateway(t, dir, append([]string{"LOCAL_BRIDGE=" + bridgeIn(t, dir), "DEV_TOKEN=", "WARM_POOL_MIN_SIZE=2", "AGENT_IO=pty", "AGENT_COMMAND=bash --norc -i"}, environment...)...)
	p := page{t, browser(t, g.after("or in a browser: "), width, height, dark)}
	p.shows("#status", " in ")
	p.shows(".xterm-rows", "$")
	return g, p
}

// TestTheConsole is a first session in a browser: a shell, an interrupt, the pool, and the session's end.
func TestTheConsole(t *testing.T) {
	_, p := openConsole(t, 1200, 760, false, "WARM_POOL_MIN_SIZE=3")
	var address string
	p.do(chromedp.Location(&address))
	if strings.Contains(address, "token") {
		t.Errorf("the address keeps the token: %s", address)
	}
	p.types("echo he''llo $((6*7))\r")
	p.shows(".xterm-rows", "hello 42")
	p.types(asleep)
	p.shows(".xterm-rows", "asleep")
	p.presses("c", 67, input.ModifierCtrl)
	p.types("echo go''ne on\r")
	p.shows(".xterm-rows", "gone on")
	p.openPool()
	p.shows("#sessions", "dev")
	p.shows("#hour-text", "1 warm")
	p.picture("console")
	p.do(chromedp.Click("#end", chromedp.ByQuery))
	p.shows("#status", "ended")
	p.do(chromedp.WaitVisible("#again", chromedp.ByQuery))
	p.picture("ended")
	p.do(chromedp.Click("#again", chromedp.ByQuery))
	p.shows("#status", " in ")
}

// TestTheConsoleOnAPhone in the dark is no wider than it, and has the keys that its keyboard lacks.
func TestTheConsoleOnAPhone(t *testing.T) {
	_, p := openConsole(t, 390, 780, true)
	p.types("ls -la\r")
	p.shows(".xterm-rows", "total")
	p.types(asleep)
	p.shows(".xterm-rows", "asleep")
	p.do(chromedp.Click(`[data-key="control"]`, chromedp.ByQuery))
	p.types("c")
	p.types("echo go''ne on\r")
	p.shows(".xterm-rows", "gone on")
	p.do(chromedp.Click(`[data-key="A"]`, chromedp.ByQuery)) // the line before
	p.types("; echo tw''ice\r")
	p.shows(".xterm-rows", "twice")
	p.openPool()
	p.picture("phone")
	if p.isTrue(`document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than a phone")
	}
}

// TestVimInTheConsole, on a phone in the dark: it opens, takes what is typed, is left with the keys that the page has for it, and gives
// the screen back.
func TestVimInTheConsole(t *testing.T) {
	vim := findProgram(t, "vim", "vim.tiny", "vi")
	_, p := openConsole(t, 390, 780, true)
	p.types("echo be''fore; " + vim + " note.txt\r")
	p.shows(".xterm-rows", "~")
	p.types("ihello from vim")
	p.shows(".xterm-rows", "hello from vim")
	p.picture("vim")
	p.do(chromedp.Click(`[data-key="escape"]`, chromedp.ByQuery))
	p.types(":wq\r")
	p.shows(".xterm-rows", "before")
	p.types("wc -w note.txt\r")
	p.shows(".xterm-rows", "3 note.txt")
	if p.isTrue(`document.querySelector(".xterm-rows").textContent.includes("hello from vim")`) {
		t.Error("vim's screen is still there")
	}
}

// TestTheConsolesWindow: the shell begins with its size, and follows it.
func TestTheConsolesWindow(t *testing.T) {
	_, p := openConsole(t, 1000, 600, false, "AGENT_COMMAND=sh -c 'stty size; exec bash --norc -i'")
	rows := p.text(".xterm-rows")
	var size string
	p.do(chromedp.Evaluate(`const kept = () => JSON.parse(sessionStorage.getItem("session")); kept().rows + " " + kept().cols`, &size))
	if !strings.HasPrefix(rows, size) {
		t.Errorf("the window is %s, and the screen begins with %q", size, rows)
	}
	p.do(chromedp.EmulateViewport(700, 400))
	eventually(t, "the shell knows the smaller window", func() bool {
		p.types("clear; stty size\r")
		time.Sleep(200 * time.Millisecond)
		text := p.text(".xterm-rows")
		p.do(chromedp.Evaluate(`dispatchEvent(new Event("pagehide")); kept().rows + " " + kept().cols`, &size))
		return !strings.HasPrefix(rows, size) && strings.Contains(text, size)
	})
}

// TestALargePaste goes in pieces, at the agent's pace, and all of it arrives.
func TestALargePaste(t *testing.T) {
	_, p := openConsole(t, 900, 500, false)
	p.types("stty raw -echo; head -c 1200000 | md5sum; stty sane\r")
	time.Sleep(500 * time.Millisecond) // until the terminal is raw
	p.do(chromedp.Evaluate(`{
		const data = new DataTransfer();
		data.setData("text/plain", "🔥é12".repeat(150_000));
		document.querySelector(".xterm-helper-textarea").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
	}`, nil))
	p.shows(".xterm-rows", "df87847a6d87") // of as many bytes
}

// TestAPageOfNobodys: without the token the page asks for it, and takes it.
func TestAPageOfNobodys(t *testing.T) {
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "DEV_TOKEN=", "AGENT_COMMAND=cat")
	address, token, _ := strings.Cut(g.after("or in a browser: "), "?token=")
	p := page{t, browser(t, address, 900, 500, true)}
	p.do(chromedp.WaitVisible("#login", chromedp.ByQuery))
	p.do(chromedp.SendKeys("#token", token+"\r", chromedp.ByQuery))
	p.shows("#status", " in ")
	p.types("an old line agent\r")
	eventually(t, "the echo", func() bool { return strings.Count(p.text(".xterm-rows"), "an old line agent") == 2 })
}

// TestAPageForAnyUser: with DEV_TOKEN=off the address alone says who is there.
func TestAPageForAnyUser(t *testing.T) {
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "AGENT_IO=pty", "AGENT_COMMAND=bash --norc -i")
	p := page{t, browser(t, g.base+"/?user=ann", 900, 500, false)}
	p.shows("#status", " in ")
	p.types("echo I am $USER\r")
	p.shows(".xterm-rows", "I am ann")
}
