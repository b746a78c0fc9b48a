using System.Globalization;
using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>One line: the state before, and after "=" the state that the processor left.</summary>
internal sealed record SiliconCase(
    string Line, byte Escape, byte ModRm, FpuState Before, byte[] Load, uint Eflags,
    string Status, string Tags, F80[] Stack, string Store, uint Flags, string Ax)
{
    public static SiliconCase Parse(string line)
    {
        string[] column = line.Split(' ');
        FpuState state = default;
        state.ControlWord = (ushort)Hex(column[1]);
        state.StatusWord = (ushort)Hex(column[2]);
        state.TagWord = (ushort)Hex(column[3]);
        X87.St(ref state, 0) = Number(column[4]);
        X87.St(ref state, 1) = Number(column[5]);
        return new SiliconCase(
            line, (byte)(Hex(column[0]) >> 8), (byte)Hex(column[0]), state, Bytes(column[6]), (uint)Hex(column[7]),
            column[9], column[10], [Number(column[11]), Number(column[12]), Number(column[13])], column[14],
            (uint)Hex(column[15]), column[16]);
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber);

    private static byte[] Bytes(string text) => text == "-" ? [] : Convert.FromHexString(text);

    private static F80 Number(string text) => new(Hex(text[5..]), (ushort)Hex(text[..4]));
}
