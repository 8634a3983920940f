package document

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// read is a file's text.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMetricsThatAreNamed: what a dashboard, an alert or a document names is counted, and what is counted is on the dashboard or
// wakes somebody.
func TestMetricsThatAreNamed(t *testing.T) {
	counted := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `(hearth_\\w+)`").FindAllStringSubmatch(metrics(t, "../../infra"), -1) {
		counted[match[1]] = true
	}
	watching := []string{"../../infra/grafana/hearth.json", "../../infra/prometheus/alerts.yml"}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../README.md", "../../CHANGELOG.md", "../../infra/prometheus/alerts_test.yml")
	watched := map[string]bool{}
	for _, path := range slices.Concat(watching, files) {
		for _, name := range regexp.MustCompile(`\bhearth_[a-z_]+[a-z]\b`).FindAllString(read(t, path), -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if !counted[base] {
					base = strings.TrimSuffix(name, suffix)
				}
			}
			if !counted[base] {
				t.Errorf("%s names %s, which is no metric", path, name)
			}
			watched[base] = watched[base] || slices.Contains(watching, path)
		}
	}
	for name := range counted {
		if !watched[name] {
			t.Errorf("%s is on no dashboard and in no alert", name)
		}
	}
}

// TestEveryAlertHasARunbook: its link leads to a section of its own, promtool plays it, and no section is for an alert that is gone.
func TestEveryAlertHasARunbook(t *testing.T) {
	rules, played := read(t, "../../infra/prometheus/alerts.yml"), read(t, "../../infra/prometheus/alerts_test.yml")
	_, section, _ := strings.Cut(read(t, "../../docs/operations.md"), "\n## Alerts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	runbooks := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(section, -1) {
		runbooks[match[1]] = true
	}
	alerts := regexp.MustCompile(`(?m)^      - alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 10 {
		t.Fatalf("only %d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name := alert[1]
		_, rule, _ := strings.Cut(rules, "- alert: "+name+"\n")
		rule, _, _ = strings.Cut(rule, "- alert: ")
		if !strings.Contains(rule, "runbook_url: docs/operations.md#"+strings.ToLower(name)+"\n") ||
			!regexp.MustCompile(`severity: (page|ticket)\b`).MatchString(rule) || !strings.Contains(rule, "summary: ") {
			t.Errorf("%s lacks a link to its runbook, a severity or a summary", name)
		}
		if !runbooks[name] {
			t.Errorf("docs/operations.md has no runbook for %s", name)
		}
		if !strings.Contains(played, `ALERTS{alertname="`+name+`"`) {
			t.Errorf("alerts_test.yml does not play %s", name)
		}
		delete(runbooks, name)
	}
	for name := range runbooks {
		t.Errorf("docs/operations.md has a runbook for %s, which is no alert", name)
	}
}

// TestLinksBetweenDocuments: a link to a file or to a section leads somewhere.
func TestLinksBetweenDocuments(t *testing.T) {
	const root = "../.."
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	links := 0
	for _, path := range documents {
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose(read(t, path)), -1) {
			if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "mailto:") {
				continue
			}
			links++
			target, anchor, _ := strings.Cut(match[1], "#")
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", path, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, file)), anchor) {
				t.Errorf("%s links to %s, where there is no such section", path, match[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links", links)
	}
}

// prose is a document without its blocks of code.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
}

// anchors are those of a document's headings, as GitHub makes them.
func anchors(text string) (found []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose(text), -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		found = append(found, strings.ReplaceAll(plain, " ", "-"))
	}
	return found
}
