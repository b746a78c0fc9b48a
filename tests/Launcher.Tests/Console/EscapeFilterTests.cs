using System.Text;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Console;

public class EscapeFilterTests
{
    [Theory]
    [InlineData("ls\n", "ls\n", nameof(EscapeCommand.None))]
    [InlineData("a\u0001xb", "a", nameof(EscapeCommand.Quit))]
    [InlineData("\u0001X", "", nameof(EscapeCommand.Quit))]
    [InlineData("\u0001\u0001q", "\u0001q", nameof(EscapeCommand.None))]
    [InlineData("\u0001aq", "\u0001q", nameof(EscapeCommand.None))]
    [InlineData("\u0001zq", "q", nameof(EscapeCommand.None))]
    [InlineData("\u0001h", "", nameof(EscapeCommand.Help))]
    [InlineData("\u0001c", "", nameof(EscapeCommand.Monitor))]
    [InlineData("\u0003\u0004\u001A\u001C", "\u0003\u0004\u001A\u001C", nameof(EscapeCommand.None))]
    public void Only_Ctrl_A_is_ours(string typed, string forGuest, string command)
    {
        var filter = new EscapeFilter();
        byte[] output = new byte[16];
        int kept = filter.Filter(Encoding.Latin1.GetBytes(typed), output, out EscapeCommand found, out _);
        Assert.Equal((forGuest, command), (Encoding.Latin1.GetString(output, 0, kept), found.ToString()));
    }

    [Fact]
    public void A_prefix_is_remembered_from_one_read_to_the_next()
    {
        var filter = new EscapeFilter();
        byte[] output = new byte[4];
        Assert.Equal(0, filter.Filter([1], output, out EscapeCommand command, out int consumed));
        Assert.Equal((EscapeCommand.None, 1), (command, consumed));
        filter.Filter("x"u8, output, out command, out _);
        Assert.Equal(EscapeCommand.Quit, command);
    }

    [Fact]
    public void Input_goes_on_after_an_escape()
    {
        var queue = new ConsoleInputQueue();
        var commands = new List<EscapeCommand>();
        new ConsoleInput(() => new MemoryStream(Encoding.Latin1.GetBytes("one\u0001h two\u0001x")), queue, new EscapeFilter(), commands.Add).ReadAll();
        Assert.Equal([EscapeCommand.Help, EscapeCommand.Quit], commands);
        Assert.Equal("one two", Taken(queue));
    }

    [Fact]
    public void Without_a_terminal_every_byte_is_the_Guests()
    {
        var queue = new ConsoleInputQueue();
        new ConsoleInput(() => new MemoryStream(Encoding.Latin1.GetBytes("a\u0001xb")), queue, null, static _ => Assert.Fail("no escapes here")).ReadAll();
        Assert.Equal("a\u0001xb", Taken(queue));
    }

    [Fact]
    public void A_stdin_that_cannot_be_read_is_an_empty_one()
    {
        var queue = new ConsoleInputQueue();
        new ConsoleInput(() => throw new UnauthorizedAccessException(), queue, null, static _ => { }).ReadAll();
        Assert.Equal(0, queue.Count);
    }

    private static string Taken(ConsoleInputQueue queue)
    {
        byte[] bytes = new byte[100];
        return Encoding.Latin1.GetString(bytes, 0, queue.Take(bytes));
    }
}
