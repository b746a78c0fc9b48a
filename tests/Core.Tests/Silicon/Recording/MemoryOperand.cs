namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// An addressing form and the place it is to reach. The registers that it uses are made to fit after all others have
/// been drawn, so a random index or a random stack pointer stays random and the base absorbs it.
/// </summary>
internal sealed class MemoryOperand
{
    /// <summary>Register number, or −1.</summary>
    public int Base { get; init; } = -1;

    /// <inheritdoc cref="Base"/>
    public int Index { get; init; } = -1;

    /// <summary>Logarithm of the scale, 0..3.</summary>
    public int Shift { get; init; }

    public uint Displacement { get; init; }

    /// <summary>What a lone index register has to hold; a base register would absorb anything.</summary>
    public uint IndexValue { get; init; }

    /// <summary>Effective address.</summary>
    public uint Target { get; init; }

    /// <summary>16-bit addressing: upper halves stay noise.</summary>
    public bool Narrow { get; init; }

    /// <summary>The stack pointer is the base: it is what it is, and the displacement was made to fit.</summary>
    public bool Fixed { get; init; }

    public void Point(SiliconState state)
    {
        if (Fixed)
        {
            return;
        }

        if (Base < 0)
        {
            if (Index >= 0)
            {
                state.Gpr[Index] = IndexValue;
            }

            return;
        }

        uint value = Target - Displacement - (Index >= 0 ? state.Gpr[Index] << Shift : 0);
        state.SetRegister(Base, Narrow ? 2 : 4, value);
    }
}
