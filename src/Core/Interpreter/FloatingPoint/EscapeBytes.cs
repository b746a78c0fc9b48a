using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

/// <summary>
/// Gets an x87 instruction's two opcode bytes back out of its decoded form, by encoding it again: every alias of an
/// encoding has a <see cref="Code"/> of its own, so the bytes are those that were decoded.
/// </summary>
internal static class EscapeBytes
{
    private static readonly bool[] s_escapes = Decoded();

    /// <summary>All codes that such bytes are decoded to.</summary>
    public static IEnumerable<Code> Codes => Enumerable.Range(0, s_escapes.Length).Where(static code => s_escapes[code]).Select(static code => (Code)code);

    /// <summary>Does it begin with one of D8..DF?</summary>
    public static bool Has(Code code) => s_escapes[(int)code];

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

    /// <summary>
    /// Found by decoding, of memory operands one. Iced's own description of its codes says it too, but makes a text of each of five thousand first,
    /// which takes as long as a fortieth of Linux's boot.
    /// </summary>
    private static bool[] Decoded()
    {
        var escapes = new bool[Enum.GetValues<Code>().Length];
        byte[] bytes = new byte[8];
        var reader = new ByteArrayCodeReader(bytes);
        var decoder = Decoder.Create(32, reader);
        foreach (byte prefix in (ReadOnlySpan<byte>)[0x66, 0x3E])
        {
            bytes[0] = prefix;
            for (int escape = 0xD8; escape <= 0xDF; escape++)
            {
                bytes[1] = (byte)escape;
                for (int modrm = 0; modrm <= byte.MaxValue; modrm += modrm < 0xC0 ? 8 : 1)
                {
                    bytes[2] = (byte)modrm;
                    reader.Position = 0;
                    escapes[(int)decoder.Decode().Code] = true;
                }
            }
        }

        escapes[(int)Code.INVALID] = false;
        return escapes;
    }

    private sealed class Collector : CodeWriter
    {
        public List<byte> Bytes { get; } = new(16);

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
