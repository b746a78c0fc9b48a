using Iced.Intel;
using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// Which instructions of a region must leave flags behind, across its blocks. Wherever execution may leave (a memory access
/// above all) the world sees the flags; behind a branch that leaves the region, or may be interrupted, we assume that somebody looks.
/// </summary>
internal sealed class RegionFlags
{
    private readonly IReadOnlyList<Instruction[]> _code;
    private readonly RegionGraph _graph;
    private readonly Optimisations _optimisations;
    private readonly bool[] _liveIn;

    public RegionFlags(IReadOnlyList<Instruction[]> code, RegionGraph graph, Optimisations optimisations)
    {
        _code = code;
        _graph = graph;
        _optimisations = optimisations;
        _liveIn = new bool[code.Count];
        bool changed;
        do
        {
            changed = false;
            for (int i = code.Count - 1; i >= 0; i--)
            {
                bool live = Scan(i, null);
                changed |= live != _liveIn[i];
                _liveIn[i] = live;
            }
        }
        while (changed);
    }

    /// <summary>Are flags looked at, in block <paramref name="block"/> or later, as they are at its start?</summary>
    public bool LiveIn(int block) => _liveIn[block];

    /// <summary>For each instruction of a block: must its flags be right afterwards?</summary>
    public bool[] Wanted(int block)
    {
        var wanted = new bool[_code[block].Length];
        Scan(block, wanted);
        return wanted;
    }

    /// <summary>Is there an instruction that keeps some of the flags that its block was entered with, and has somebody look at them?</summary>
    public bool KeepsEntryFlags()
    {
        for (int b = 0; b < _code.Count; b++)
        {
            bool[] wanted = Wanted(b);
            for (int i = 0; i < wanted.Length && !WritesAll(_code[b][i]); i++)
            {
                if (wanted[i] && _code[b][i].Mnemonic is Mnemonic.Inc or Mnemonic.Dec)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Do only exits look at the flags that this block is entered with? Then it overwrites them all before it ends, and keeps none in between.
    /// </summary>
    public bool AreForExitsOnly(int block)
    {
        bool[] wanted = Wanted(block);
        Instruction[] code = _code[block];
        for (int i = 0; i < code.Length; i++)
        {
            if (ReadsFlags(code[i]) || !RegionEmitter.HasPlainMemory(code[i]))
            {
                return false;
            }

            if (!wanted[i] || WritesAll(code[i]))
            {
                return true;
            }

            if (code[i].RflagsModified != RflagsBits.None)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Writes all six flags whatever its operands are.</summary>
    public static bool WritesAll(in Instruction i) => i.Mnemonic switch
    {
        Mnemonic.Add or Mnemonic.Sub or Mnemonic.Cmp or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test or Mnemonic.Neg
            or Mnemonic.Adc or Mnemonic.Sbb => true,
        _ => ShiftEmitter.WritesAllFlags(i) || BitEmitter.WritesAllFlags(i),
    };

    private bool Scan(int block, bool[]? wanted)
    {
        Instruction[] code = _code[block];
        bool live = _graph.MayLeave(block) || !_optimisations.DeadFlags;
        foreach (int successor in _graph.Successors(block))
        {
            live |= _liveIn[successor] || _graph.IsSafepoint(successor);
        }

        for (int i = code.Length - 1; i >= 0; i--)
        {
            ref readonly Instruction instruction = ref code[i];
            live |= !_optimisations.DeadFlags;
            if (wanted != null)
            {
                wanted[i] = live;
            }

            if (ReadsFlags(instruction) || !RegistersOnly(instruction))
            {
                live = true;
            }
            else if (WritesAll(instruction))
            {
                live = false;
            }
            else if (!IsTransparent(instruction.Mnemonic))
            {
                live = true;
            }
        }

        return live;
    }

    private static bool ReadsFlags(in Instruction i) => i.RflagsRead != RflagsBits.None;

    /// <summary>Instructions with a template that can neither leave nor look: what they keep of the flags is live if it is afterwards.</summary>
    private static bool IsTransparent(Mnemonic mnemonic) => mnemonic is
        Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Lea or Mnemonic.Not or Mnemonic.Bswap or Mnemonic.Xchg
        or Mnemonic.Cdq or Mnemonic.Cwde or Mnemonic.Cbw or Mnemonic.Nop or Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Jmp
        or Mnemonic.Loop or Mnemonic.Jecxz or Mnemonic.Cld or Mnemonic.Std;

    private static bool RegistersOnly(in Instruction i)
    {
        if (i.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return true;
        }

        for (int k = 0; k < i.OpCount; k++)
        {
            OpKind kind = i.GetOpKind(k);
            bool harmless = kind == OpKind.Register
                ? OpWriter.IsGeneral(i.GetOpRegister(k))
                : kind is OpKind.NearBranch32 or (>= OpKind.Immediate8 and <= OpKind.Immediate8to32);
            if (!harmless)
            {
                return false;
            }
        }

        return true;
    }
}
