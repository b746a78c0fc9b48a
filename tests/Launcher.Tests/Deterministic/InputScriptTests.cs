using System.Text;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Tests.Deterministic;

public sealed class InputScriptTests
{
    [Theory]
    [InlineData("ls\\n", "ls\n")]
    [InlineData("a\\tb\\\\c\\\"\\'\\?", "a\tb\\c\"'?")]
    [InlineData("\\x41\\x4g", "A\u0004g")]
    [InlineData("\\101\\0\\0012", "A\0\u00012")]
    [InlineData("\\377\\xff", "\u00ff\u00ff")]
    [InlineData("\\a\\b\\e\\f\\v\\r", "\a\b\e\f\v\r")]
    [InlineData("", "")]
    public void Bytes_are_written_as_in_C(string written, string expected)
    {
        InputScript script = InputScript.Parse([$"100\t{written}"], "test");
        Assert.Equal(100, script.Lines[0].Count);
        Assert.Equal(expected, Encoding.Latin1.GetString(script.Lines[0].Bytes));
    }

    [Fact]
    public void Empty_lines_and_remarks_say_nothing()
    {
        InputScript script = InputScript.Parse(["# to log in", "", "5\troot\\n", "5\tls\\n"], "test");
        Assert.Equal([5L, 5L], script.Lines.Select(static line => line.Count));
        Assert.Equal(8, script.Length);
    }

    [Theory]
    [InlineData("ls", "not 'count<TAB>bytes'")]
    [InlineData("x\tls", "the count is not a number")]
    [InlineData("-1\tls", "the count is not a number")]
    [InlineData("9\tls", "earlier than the line before it")]
    [InlineData("11\tls\\", "an escape")]
    [InlineData("11\t\\q", "an escape")]
    [InlineData("11\t\\x", "an escape")]
    [InlineData("11\t\\777", "an escape")]
    [InlineData("11\t\u20ac", "above 255")]
    public void Whatever_is_wrong_is_said_with_its_line(string line, string words)
    {
        LoadException complaint = Assert.Throws<LoadException>(() => InputScript.Parse(["10\ta", line], "file"));
        Assert.Contains("file, line 2", complaint.Message, StringComparison.Ordinal);
        Assert.Contains(words, complaint.Message, StringComparison.Ordinal);
    }
}
