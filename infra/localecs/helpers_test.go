package localecs

const helperVariable = "LOCALECS_TEST_HELPER"

func playHelper(string) int { return 2 }
