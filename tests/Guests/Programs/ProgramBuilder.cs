using System.Buffers.Binary;
using Iced.Intel;
using Lguest.Jit.Launcher.Tour;

namespace Lguest.Jit.Guests.Programs;

/// <summary>What a program is emitted with: the assembler, and a pool of constants at a known, aligned address.</summary>
internal sealed class ProgramBuilder(CodeBuilder code, List<byte> constants)
{
    public Assembler Asm => code.Asm;

    public CodeLabel NewLabel() => code.NewLabel();

    public void Mark(CodeLabel label) => code.Mark(label);

    public CodeLabel Here() => code.Here();

    public uint AddressOf(CodeLabel label) => code.AddressOf(label);

    /// <summary>Puts words into the constant pool, 16-byte aligned.</summary>
    /// <returns>Their address.</returns>
    public uint Words(params ReadOnlySpan<uint> values)
    {
        uint address = Align();
        Span<byte> word = stackalloc byte[4];
        foreach (uint value in values)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(word, value);
            constants.AddRange(word);
        }

        return address;
    }

    /// <summary>Puts bytes into the constant pool, 16-byte aligned.</summary>
    /// <returns>Their address.</returns>
    public uint Bytes(params ReadOnlySpan<byte> values)
    {
        uint address = Align();
        constants.AddRange(values);
        return address;
    }

    private uint Align()
    {
        while ((constants.Count & 15) != 0)
        {
            constants.Add(0);
        }

        return ProgramLayout.Constants + (uint)constants.Count;
    }
}
