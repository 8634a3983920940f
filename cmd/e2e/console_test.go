package e2e

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// screenshots is where pictures of the console are written, if it is set: look at them.
var screenshots = flag.String("screenshots", "", "write pictures of the console into this folder")

// browser opens a page in headless Chromium, in a window of that size.
func browser(t *testing.T, url string, width, height int, dark bool) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium: apt-get install chromium (make test does it)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 3*patience)
	t.Cleanup(cancelTime)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	err = chromedp.Run(ctx, chromedp.EmulateViewport(int64(width), int64(height)), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}), chromedp.Navigate(url))
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// page is a console in a browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

func (p page) do(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// text is what an element shows.
func (p page) text(selector string) string {
	p.t.Helper()
	var text string
	p.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return strings.ReplaceAll(text, "\u00a0", " ")
}

func (p page) shows(selector, text string) {
	p.t.Helper()
	eventually(p.t, selector+" shows "+text, func() bool { return strings.Contains(p.text(selector), text) })
}

// types presses keys as a keyboard does: where the page takes a key as it goes down, no character of it follows. With
// chromedp.SendKeys one would.
func (p page) types(text string) {
	p.t.Helper()
	p.do(chromedp.Focus(".xterm-helper-textarea", chromedp.ByQuery))
	for _, char := range text {
		if char == '\r' {
			p.presses("Enter", 13, 0)
			continue
		}
		down := input.DispatchKeyEvent(input.KeyDown).WithKey(string(char)).WithText(string(char))
		p.do(down, input.DispatchKeyEvent(input.KeyUp).WithKey(down.Key))
	}
}

// presses presses a key that is no character, by its name and its virtual key code.
func (p page) presses(key string, code int64, modifiers input.Modifier) {
	p.t.Helper()
	for _, kind := range []input.KeyType{input.KeyRawDown, input.KeyUp} {
		p.do(input.DispatchKeyEvent(kind).WithKey(key).WithWindowsVirtualKeyCode(code).WithModifiers(modifiers))
	}
}

func (p page) picture(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	var png []byte
	p.do(chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(*screenshots+"/"+name+".png", png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// TestTheConsole is a first session in a browser: a shell, an interrupt, the pool, the session gone on with after a reload, and its
// end; then the same page on a phone, in the dark.
func TestTheConsole(t *testing.T) {
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "DEV_TOKEN=", "AGENT_IO=pty", "AGENT_COMMAND=bash --norc -i")
	url := g.after("or in a browser: ")
	p := page{t, browser(t, url, 1200, 760, false)}
	p.shows(".xterm-rows", "$")
	p.shows("#status", "warm in")
	var address string
	p.do(chromedp.Location(&address))
	if strings.Contains(address, "token") {
		t.Errorf("the address keeps the token: %s", address)
	}
	p.types("echo he''llo $((6*7))\r")
	p.shows(".xterm-rows", "hello 42")
	p.types("sleep 60 || echo inter''rupted\r")
	time.Sleep(300 * time.Millisecond) // a shell that is just starting a program can miss an interrupt
	p.presses("c", 67, input.ModifierCtrl)
	p.types("echo go''ne on\r")
	p.shows(".xterm-rows", "gone on")
	p.do(chromedp.WaitVisible("#pool-toggle", chromedp.ByQuery), chromedp.Click("#pool-toggle", chromedp.ByQuery))
	p.do(chromedp.WaitVisible("#tasks .ready", chromedp.ByQuery))
	p.shows("#sessions", "dev")
	p.picture("console")
	p.do(chromedp.Click("#pool-toggle", chromedp.ByQuery))

	p.do(chromedp.Reload())
	p.shows("#status", "resumed")
	p.types("echo still he''re\r")
	p.shows(".xterm-rows", "still here")
	p.do(chromedp.Click("#end", chromedp.ByQuery))
	p.shows("#status", "ended")
	p.do(chromedp.WaitVisible("#again", chromedp.ByQuery))
	p.picture("ended")

	phone := page{t, browser(t, url, 390, 780, true)}
	phone.shows(".xterm-rows", "$")
	phone.types("ls -la\r")
	phone.shows(".xterm-rows", "total")
	phone.do(chromedp.WaitVisible("#pool-toggle", chromedp.ByQuery), chromedp.Click("#pool-toggle", chromedp.ByQuery))
	phone.do(chromedp.WaitVisible("#tasks .ready", chromedp.ByQuery))
	phone.picture("phone")
	var wide bool
	phone.do(chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide))
	if wide {
		t.Error("the page is wider than a phone")
	}
}

// TestAPageOfNobodys: without the token the page asks for it, and takes it.
func TestAPageOfNobodys(t *testing.T) {
	dir := sharedDir(t)
	g := startGateway(t, dir, "LOCAL_BRIDGE="+bridgeIn(t, dir), "DEV_TOKEN=", "AGENT_COMMAND=cat")
	address, token, _ := strings.Cut(g.after("or in a browser: "), "?token=")
	p := page{t, browser(t, address, 900, 500, true)}
	p.do(chromedp.WaitVisible("#login", chromedp.ByQuery))
	p.do(chromedp.SendKeys("#token", token+"\r", chromedp.ByQuery))
	p.shows("#status", "warm in")
	p.types("an old line agent\r")
	eventually(t, "the echo", func() bool { return strings.Count(p.text(".xterm-rows"), "an old line agent") == 2 })
}
