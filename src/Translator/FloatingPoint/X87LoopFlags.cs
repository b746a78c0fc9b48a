using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Where the Guest's flags are while a loop's thunk is assembled: in the Host's, saved in the CPU struct, or both. A check of memory overwrites the Host's, so it
/// saves them first, if they are not those that have been saved already; they come back when somebody needs them. Exits always show those that have been saved.
/// </summary>
/// <remarks>r10 is scratch. Flags that the Guest's silicon and ours might not agree on must not be seen: whoever shows them refuses the loop.</remarks>
/// <param name="c">Where it is written to.</param>
internal sealed class X87LoopFlags(Assembler c)
{
    private const RflagsBits Status = RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF;

    private bool _inHost;
    private bool _isSaved;

    /// <summary>Those that silicon is free to leave as it likes, and has.</summary>
    public RflagsBits Doubtful { get; private set; }

    /// <summary>An instruction has set all of them; so has, as far as anybody knows, the block before.</summary>
    public void AllSet() => (_inHost, _isSaved, Doubtful) = (true, false, RflagsBits.None);

    /// <summary>Code of ours is about to overwrite the Host's; what has been saved stays.</summary>
    public void Overwritten() => _inHost = false;

    /// <summary>The flags are where an instruction can read those it reads, and keep those it does not change.</summary>
    /// <returns>False: it would see doubtful ones.</returns>
    public bool TryPrepare(in Instruction i)
    {
        // Whoever keeps some of the flags needs them all.
        bool keeps = i.RflagsModified != RflagsBits.None && (i.RflagsModified & Status) != Status;
        if ((i.RflagsRead & Status) != RflagsBits.None || keeps)
        {
            Restore();
        }

        return (i.RflagsRead & Doubtful) == RflagsBits.None;
    }

    /// <summary>An integer instruction has been executed.</summary>
    public void Behind(in Instruction i)
    {
        if (i.RflagsModified == RflagsBits.None)
        {
            return;
        }

        // All silicon clears AF here.
        bool logic = i.Mnemonic is Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test;
        Doubtful &= ~i.RflagsModified;
        Doubtful |= logic ? RflagsBits.None : i.RflagsUndefined & Status;
        (_inHost, _isSaved) = (true, false);
    }

    /// <summary>They go to where exits take them from, if they are not there.</summary>
    /// <returns>False: an exit would show doubtful ones.</returns>
    public bool TrySave()
    {
        if (_isSaved)
        {
            return true;
        }

        bool possible = Doubtful == RflagsBits.None;
        Store();
        _isSaved = true;
        return possible;
    }

    /// <summary>They go there from the Host, where they are.</summary>
    public void Store()
    {
        c.mov(r10, rax);
        c.lahf();
        c.seto(al);
        c.mov(__dword_ptr[r8 + X87Offsets.LoopFlags], eax);
        c.mov(rax, r10);
    }

    /// <summary>They come back from there, if they are not in the Host.</summary>
    public void Restore()
    {
        if (_inHost)
        {
            return;
        }

        c.mov(r10, rax);
        c.mov(eax, __dword_ptr[r8 + X87Offsets.LoopFlags]);
        c.add(al, 0x7F);
        c.sahf();
        c.mov(rax, r10);
        _inHost = true;
    }
}
