package e2e

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

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

// isTrue evaluates a condition in the page.
func (p page) isTrue(condition string) (so bool) {
	p.t.Helper()
	p.do(chromedp.Evaluate(condition, &so))
	return so
}

// number evaluates a number in the page.
func (p page) number(expression string) (n float64) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, &n))
	return n
}

// openPool opens the pool's view and waits until it shows a ready task.
func (p page) openPool() {
	p.t.Helper()
	p.do(chromedp.WaitVisible("#pool-toggle", chromedp.ByQuery), chromedp.Click("#pool-toggle", chromedp.ByQuery))
	p.do(chromedp.WaitVisible("#tasks .ready", chromedp.ByQuery))
}

// findProgram gives the first of the programs that this machine has.
func findProgram(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	t.Fatalf("none of %v is there: apt-get install vim-tiny (make test does it)", names)
	return ""
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
