using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

/// <summary>
/// Gets an x87 instruction's two opcode bytes back out of its decoded form, by encoding it again: every alias of an
/// encoding has a <see cref="Code"/> of its own, so the bytes are those that were decoded.
/// </summary>
internal static class EscapeBytes
{
    /// <summary>Does it begin with one of D8..DF?</summary>
    public static bool Has(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        uint escape = info.OpCodeLength == 2 ? info.OpCode >> 8 : info.OpCode;
        return info.IsInstruction && info.Table == OpCodeTableKind.Normal && (escape & ~7u) == 0xD8;
    }

    /// <param name="instruction">For which <see cref="Has"/> holds.</param>
    /// <returns>Escape byte (D8..DF) in bits 8..15, modrm in bits 0..7.</returns>
    public static ushort Of(in Instruction instruction)
    {
        var bytes = new Collector();
        Encoder encoder = Encoder.Create(32, bytes);
        encoder.Encode(instruction, instruction.IP32);
        int at = 0;

        // Prefixes only can come before it, and none of them looks like an escape.
        while ((bytes.Bytes[at] & 0xF8) != 0xD8)
        {
            at++;
        }

        return (ushort)(bytes.Bytes[at] << 8 | bytes.Bytes[at + 1]);
    }

    private sealed class Collector : CodeWriter
    {
        public List<byte> Bytes { get; } = new(16);

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
