using Iced.Intel;
using Lguest.Jit.Core.Interpreter.FloatingPoint;

namespace Lguest.Jit.Core.Tests.Fpu;

public sealed class EscapeBytesTests
{
    [Fact]
    public void WhatIcedDescribesAsAnEscapeIsOneIfItCanBeDecoded()
    {
        HashSet<Code> decoded = Decoded();
        Assert.NotEmpty(decoded);
        Assert.Equal(decoded.Where(IsDescribed).Order(), EscapeBytes.Codes.Order());
        Assert.DoesNotContain(Code.INVALID, EscapeBytes.Codes);
    }

    [Fact]
    public void NothingElseIsOne() => Assert.All(
        (Code[])[Code.Add_rm32_r32, Code.Wait, Code.Fxsave_m512byte, Code.Emms, Code.INVALID, Code.Into], static code => Assert.False(EscapeBytes.Has(code)));

    private static bool IsDescribed(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        uint escape = info.OpCodeLength == 2 ? info.OpCode >> 8 : info.OpCode;
        return info.IsInstruction && info.Table == OpCodeTableKind.Normal && (escape & ~7u) == 0xD8;
    }

    /// <summary>Everything that 32-bit and 16-bit code of one or two opcode bytes can be.</summary>
    private static HashSet<Code> Decoded()
    {
        HashSet<Code> codes = [];
        for (int first = 0; first < 0x10000; first++)
        {
            foreach (int bitness in (int[])[16, 32])
            {
                codes.Add(Decoder.Create(bitness, new ByteArrayCodeReader([(byte)(first >> 8), (byte)first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).Decode().Code);
            }
        }

        return codes;
    }
}
