using System.Text;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// One line typed on a raw terminal, which neither shows what is typed nor lets one take it back: so that is done here, as little
/// of it as a monitor needs.
/// </summary>
/// <param name="terminal">Shows it.</param>
internal sealed class LineEditor(TextWriter terminal)
{
    private const int LongestLine = 120;
    private const char Interrupt = '\x03';
    private const char EndOfInput = '\x04';
    private const char Backspace = '\b';
    private const char Delete = '\x7F';
    private const char KillLine = '\x15';

    private readonly StringBuilder _line = new();

    /// <summary>Ctrl-D on an empty line.</summary>
    public const string End = "\x04";

    /// <returns>The finished line, <see cref="End"/>, or null: there is more to come.</returns>
    public string? Type(byte key)
    {
        switch ((char)key)
        {
            case '\r' or '\n':
                terminal.WriteLine();
                return Finish();
            case EndOfInput when _line.Length == 0:
                terminal.WriteLine();
                return End;
            case Interrupt:
                terminal.WriteLine("^C");
                _line.Clear();
                return Finish();
            case Backspace or Delete:
                Erase(Math.Min(1, _line.Length));
                return null;
            case KillLine:
                Erase(_line.Length);
                return null;
            case >= ' ' and < Delete when _line.Length < LongestLine:
                _line.Append((char)key);
                terminal.Write((char)key);
                return null;
            default:
                return null;
        }
    }

    private string Finish()
    {
        string line = _line.ToString();
        _line.Clear();
        return line;
    }

    private void Erase(int count)
    {
        _line.Length -= count;
        for (int i = 0; i < count; i++)
        {
            terminal.Write("\b \b");
        }
    }
}
