using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Writes the thunk of a loop: the Guest's instructions as they are, its general registers in the Host's (<see cref="X87LoopRegisters"/>), its flags in
/// the Host's (<see cref="X87LoopFlags"/>), its register stack in the Host's with every register at its place, empty ones included. What is added is a look at the
/// budget at safepoints, and the check and translation of addresses (<see cref="X87LoopMemory"/>); <see cref="X87LoopFrame"/> writes ways in and out.
/// </summary>
/// <remarks>
/// Also r8 is the CPU, r14 the budget, r12, r13, r15 the Host addresses of spans; r10 and r11 are scratch.
/// Flags that the Guest's silicon and ours might not agree on must not be seen: a loop where they could be is refused.
/// </remarks>
internal sealed class X87LoopAssembler
{
    private readonly Assembler _c;
    private readonly X87Loop _loop;
    private readonly RegionGraph _graph;
    private readonly X87LoopFrame _frame;
    private readonly X87LoopFlags _flags;
    private readonly X87LoopMemory _memory;
    private readonly Dictionary<int, Label> _starts = [];
    private readonly Dictionary<int, Label> _bodies = [];
    private readonly List<Action> _outOfLine = [];
    private bool _possible = true;

    // Of the block.
    private X87LoopState _state;
    private X87LoopPointers _pointers;
    private bool _isConditionDoubtful;

    public X87LoopAssembler(Assembler assembler, X87Loop loop, RegionGraph graph)
    {
        _c = assembler;
        _loop = loop;
        _graph = graph;
        _frame = new X87LoopFrame(assembler, loop);
        _flags = new X87LoopFlags(assembler);
        _memory = new X87LoopMemory(assembler, _frame, _outOfLine);
    }

    /// <summary>Appends the thunk; false: it cannot be done, and what has been appended is good for nothing.</summary>
    /// <param name="entries">Where it begins, by block.</param>
    public bool TryAssemble(out IReadOnlyDictionary<int, Label> entries)
    {
        var labels = new Dictionary<int, Label>();
        entries = labels;
        foreach (int block in _loop.Blocks)
        {
            _starts[block] = _c.CreateLabel();
            _bodies[block] = _c.CreateLabel();
        }

        foreach (int block in _loop.Entries)
        {
            Label entry = _c.CreateLabel();
            _c.Label(ref entry);
            labels[block] = entry;
            _frame.Enter(block, _bodies[block]);
        }

        for (int k = 0; k < _loop.Blocks.Count && _possible; k++)
        {
            Block(_loop.Blocks[k], k + 1 < _loop.Blocks.Count ? _loop.Blocks[k + 1] : -1);
        }

        foreach (Action emit in _outOfLine)
        {
            emit();
        }

        _frame.Finish();
        return _possible;
    }

    private void Block(int block, int next)
    {
        Instruction[] code = _loop.Code(block);
        Label start = _starts[block];
        _c.Label(ref start);
        _starts[block] = start;
        _state = _loop.Stack[block];
        (_pointers, _isConditionDoubtful) = (default, false);
        _flags.AllSet();
        _memory.BeginBlock();
        if (_graph.IsSafepoint(block))
        {
            Ask(block, code[0].IP32, code.Length);
        }
        else
        {
            _c.lea(r14d, __[r14 - code.Length]);
        }

        Label body = _bodies[block];
        _c.Label(ref body);
        _bodies[block] = body;
        if (code.Length == 1)
        {
            // A jump that falls through would leave two labels at one place, which the assembler does not have.
            _c.nop();
        }

        for (int k = 0; k < code.Length && _possible; k++)
        {
            ref readonly Instruction i = ref code[k];
            if (i.FlowControl != FlowControl.Next)
            {
                End(i, next);
                return;
            }

            if (X87Planner.IsCandidate(i, out X87Operation op))
            {
                X87(code, k, op);
            }
            else if (i.Mnemonic is Mnemonic.Wait or Mnemonic.Nop)
            {
                // Nothing can be pending.
                _c.nop();
            }
            else
            {
                Integer(code, k);
            }

            _memory.Behind(i);
        }

        FinishBlock();
        Go(code[^1].NextIP32, next);
    }

    /// <summary>A safepoint: the block's instructions from the budget, and is somebody calling?</summary>
    private void Ask(int block, uint eip, int count)
    {
        _possible &= _flags.TrySave();
        Label out_ = _c.CreateLabel();
        X87LoopState state = _state;
        _c.sub(r14d, count);
        _c.js(out_);
        _c.cmp(__dword_ptr[r8 + MethodNames.Attention], 0);
        _c.jne(out_);
        _flags.Overwritten();
        _outOfLine.Add(() =>
        {
            _c.Label(ref out_);
            _c.add(r14d, count);
            _frame.Exit(new X87LoopExit(eip, 0), state);
        });
    }

    private void X87(Instruction[] code, int k, in X87Operation op)
    {
        Instruction i = code[k];
        if (_loop.Stack.Behind(_state, op) is not { } behind)
        {
            _possible = false;
            return;
        }

        Instruction native = i;
        native.IP = 0;
        if (op.Width != 0)
        {
            Reach(code, k, ref native);
        }

        if (op.Kind == X87Kind.CompareToFlags)
        {
            // It leaves C1 as it was, and not every processor is sure of that.
            _isConditionDoubtful = _pointers.Last is not { } before || X87Traits.CanRoundUp(before) || _isConditionDoubtful;
            _flags.AllSet();
        }
        else
        {
            _isConditionDoubtful = false;
        }

        _c.AddInstruction(native);
        _state = behind;
        _pointers.Behind(op, i);
    }

    private void Integer(Instruction[] code, int k)
    {
        Instruction i = code[k];
        Instruction native = i;
        native.IP = 0;
        native.Code = i.Code switch
        {
            Code.Inc_r32 => Code.Inc_rm32,
            Code.Dec_r32 => Code.Dec_rm32,
            Code.Mov_EAX_moffs32 => Code.Mov_r32_rm32,
            Code.Mov_moffs32_EAX => Code.Mov_rm32_r32,
            _ => i.Code,
        };
        for (int n = 0; n < i.OpCount; n++)
        {
            if (i.GetOpKind(n) == OpKind.Register)
            {
                native.SetOpRegister(n, X87LoopRegisters.Host(i.GetOpRegister(n)));
            }
        }

        if (X87LoopSpans.MemoryOperand(i) >= 0)
        {
            Reach(code, k, ref native);
        }
        else if (i.Mnemonic == Mnemonic.Lea)
        {
            native.MemoryBase = X87LoopRegisters.Host(i.MemoryBase);
            native.MemoryIndex = X87LoopRegisters.Host(i.MemoryIndex);
            native.SegmentPrefix = Register.None;
        }

        _possible &= _flags.TryPrepare(i);
        _pointers.Before(_c, i);
        _c.AddInstruction(native);
        _flags.Behind(i);
    }

    /// <summary>Makes the memory operand of an instruction accessible, and puts its Host address into it.</summary>
    private void Reach(Instruction[] code, int k, ref Instruction native)
    {
        if (_memory.TryUse(code[k], ref native))
        {
            return;
        }

        // A miss shows the state in front of the instruction.
        _possible &= _flags.TrySave() && !_isConditionDoubtful;
        _flags.Overwritten();
        _memory.Check(code, k, ref native, _state, _pointers);
    }

    /// <summary>The last instruction of a block, a branch.</summary>
    private void End(in Instruction i, int next)
    {
        FinishBlock();
        if (i.FlowControl == FlowControl.UnconditionalBranch)
        {
            Go(i.NearBranch32, next);
            return;
        }

        Label taken = LabelFor(i.NearBranch32);
        _c.AddInstruction(Instruction.CreateBranch(JumpOf(i.ConditionCode), taken.Id));
        Go(i.NextIP32, next);
    }

    private static Code JumpOf(ConditionCode condition) => condition switch
    {
        ConditionCode.o => Code.Jo_rel32_64,
        ConditionCode.no => Code.Jno_rel32_64,
        ConditionCode.b => Code.Jb_rel32_64,
        ConditionCode.ae => Code.Jae_rel32_64,
        ConditionCode.e => Code.Je_rel32_64,
        ConditionCode.ne => Code.Jne_rel32_64,
        ConditionCode.be => Code.Jbe_rel32_64,
        ConditionCode.a => Code.Ja_rel32_64,
        ConditionCode.s => Code.Js_rel32_64,
        ConditionCode.ns => Code.Jns_rel32_64,
        ConditionCode.p => Code.Jp_rel32_64,
        ConditionCode.np => Code.Jnp_rel32_64,
        ConditionCode.l => Code.Jl_rel32_64,
        ConditionCode.ge => Code.Jge_rel32_64,
        ConditionCode.le => Code.Jle_rel32_64,
        _ => Code.Jg_rel32_64,
    };

    /// <summary>Between blocks the flags are the Host's, and the CPU struct says what has been executed.</summary>
    private void FinishBlock()
    {
        _pointers.Write(_c);
        _flags.Restore();
        if (_flags.Doubtful != RflagsBits.None || _isConditionDoubtful)
        {
            _possible = false;
        }
    }

    private void Go(uint eip, int next)
    {
        if (next < 0 || !_graph.TryFind(eip, out int block) || block != next)
        {
            _c.jmp(LabelFor(eip));
        }
    }

    /// <summary>A block of the loop, or a way out.</summary>
    private Label LabelFor(uint eip)
    {
        if (_graph.TryFind(eip, out int block) && _starts.TryGetValue(block, out Label inside))
        {
            return inside;
        }

        Label way = _c.CreateLabel();
        X87LoopState state = _state;
        _outOfLine.Add(() =>
        {
            _c.Label(ref way);
            _flags.Store();
            _frame.Exit(new X87LoopExit(eip, 0), state);
        });
        return way;
    }
}
