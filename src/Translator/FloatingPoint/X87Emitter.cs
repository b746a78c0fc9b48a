using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// x87 in translated code. Instructions of a run are put off: where they stand only their memory operands are translated, and behind
/// the last of them the run's thunk is called. Whatever leaves in between takes a way out that executes those that wait.
/// </summary>
internal sealed class X87Emitter
{
    /// <summary>Masks in the control word, ES in the status word that lies above it.</summary>
    private const int ReadyBits = (int)FpuExceptions.Maskable | (FpuStatus.ErrorSummary << 16);

    private static readonly MethodInfo s_call = MethodNames.Find(typeof(X87Host), nameof(X87Host.Call));
    private static readonly MethodInfo s_replay = MethodNames.Find(typeof(X87Replay), nameof(X87Replay.Run));

    private readonly RegionContext _c;
    private readonly ILGenerator _il;
    private readonly X87Region _region;
    private readonly List<(Label Cold, Label Back, X87Run Run, LocalBuilder Answer)> _cold = [];
    private IReadOnlyDictionary<int, (X87Run Run, X87Element Element)> _elements = X87Region.NoElements;
    private bool _ready;

    public X87Emitter(RegionContext c, X87Region region)
    {
        _c = c;
        _il = c.Il;
        _region = region;
        Loops = new X87LoopEmitter(c, region);
    }

    /// <summary>Loops that are thunks as a whole.</summary>
    public X87LoopEmitter Loops { get; }

    /// <summary>The run whose first <see cref="WaitingCount"/> elements have been put off; null: none.</summary>
    public X87Run? Waiting { get; private set; }

    /// <summary>See <see cref="Waiting"/>.</summary>
    public int WaitingCount { get; private set; }

    /// <summary>At the start of a block nothing waits, and nothing is known of the FPU.</summary>
    public void BeginBlock(int block)
    {
        Settled();
        _elements = _region.Elements(block);
        _ready = false;
    }

    /// <summary>A handler has run, which may have changed the control word or raised something.</summary>
    public void Forget() => _ready = false;

    /// <summary>In front of what the planner did not foresee.</summary>
    public void Settled()
    {
        if (Waiting != null)
        {
            throw new InvalidOperationException($"x87 instructions wait at 0x{_c.CurrentEip:x}, where they must not.");
        }
    }

    /// <summary>Emits instruction number <paramref name="index"/> of the block if it is an x87 instruction with a template.</summary>
    public bool TryEmit(int index, in Instruction i, bool isPlain)
    {
        if (_elements.TryGetValue(index, out (X87Run Run, X87Element Element) member))
        {
            PutOff(member.Run, member.Element);
            return true;
        }

        switch (i.Code)
        {
            case Code.Wait:
                BeReady();
                return true;
            case Code.Fnstsw_AX:
                BeReady();
                PushStatus(X87Offsets.StatusWord);
                OperandEmitter.StoreRegister(_c, Register.AX);
                return true;
            case Code.Fnstsw_m2byte when isPlain:
                StoreWord(i, X87Offsets.StatusWord);
                return true;
            case Code.Fnstcw_m2byte when isPlain:
                StoreWord(i, X87Offsets.ControlWord);
                return true;
            case Code.Fldcw_m2byte when isPlain:
                LoadControlWord(i);
                return true;
            default:
                return false;
        }
    }

    /// <summary>On the way out: executes what waits there.</summary>
    public static void EmitReplay(ILGenerator il, X87Run run, int count)
    {
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I8, (long)run.Records);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldc_I4, count);
        il.Emit(OpCodes.Call, s_replay);
    }

    /// <summary>Emits, behind all hot code, what happens when a thunk finds the register stack other than it needs it.</summary>
    public void EmitColdPaths()
    {
        foreach ((Label cold, Label back, X87Run run, LocalBuilder answer) in _cold)
        {
            _il.MarkLabel(cold);
            EmitReplay(_il, run, run.Elements.Count);
            _il.Emit(OpCodes.Stloc, answer);
            _il.Emit(OpCodes.Br, back);
        }
    }

    /// <summary>Where in the CPU struct a copied operand is.</summary>
    public static int CopyOffset(int copy) =>
        MethodNames.FpuThunks + (int)Marshal.OffsetOf<FpuThunkState>(nameof(FpuThunkState.Copies)) + copy * sizeof(ulong);

    private void PutOff(X87Run run, X87Element element)
    {
        if (element == run.First)
        {
            Settled();
            BeReady();
        }

        if (element.Window is { } window && window.FirstElement == element.Number)
        {
            Translate(window);
        }

        if (element.Copy is { } copy)
        {
            Copy(element, copy);
        }

        (Waiting, WaitingCount) = (run, element.Number + 1);
        if (element == run.Last)
        {
            Execute(run);
        }
    }

    /// <summary>The FPU is there, nothing is pending, and all exceptions are masked: or the interpreter's turn has come.</summary>
    private void BeReady()
    {
        if (_ready)
        {
            return;
        }

        EmitReadiness(_c);
        _c.Exits.MissUnless(OpCodes.Brfalse);
        _ready = true;
    }

    /// <summary>Pushes something that is 0 if the FPU is there, nothing is pending, and all exceptions are masked.</summary>
    public static void EmitReadiness(RegionContext c)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldarg_0);
        c.Offset(X87Offsets.ControlWord);
        il.Emit(OpCodes.Ldind_I4);
        il.Emit(OpCodes.Ldc_I4, ReadyBits);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Ldc_I4, (int)FpuExceptions.Maskable);
        il.Emit(OpCodes.Xor);
        il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.Ts);
        il.Emit(OpCodes.Ldind_I4);
        il.Emit(OpCodes.Or);
    }

    /// <summary>Checks a window, and leaves its two addresses for the thunk.</summary>
    private void Translate(X87Window window)
    {
        AddressForm form = AddressForm.Of(window.Sample) with { Displacement = (int)window.Displacement };
        MemoryEmitter.Translate(_c, form, window.Size, window.Write);
        int field = MethodNames.FpuThunks + window.Number * FpuThunkState.WindowStride;
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(field);
        MemoryEmitter.PushHostAddress(_c);
        _il.Emit(OpCodes.Stind_I);
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(field + sizeof(ulong));
        OperandEmitter.PushAddress(_c, form);
        _il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>Copies an operand, as it may be overwritten before the thunk comes to read it.</summary>
    private void Copy(X87Element element, int copy)
    {
        (OpCode load, OpCode store) = element.Operation.Width switch
        {
            2 => (OpCodes.Ldind_U2, OpCodes.Stind_I2),
            4 => (OpCodes.Ldind_U4, OpCodes.Stind_I4),
            _ => (OpCodes.Ldind_I8, OpCodes.Stind_I8),
        };
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(CopyOffset(copy));
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(MethodNames.FpuThunks + element.Window!.Number * FpuThunkState.WindowStride);
        _il.Emit(OpCodes.Ldind_I);
        _c.Offset(element.Offset);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        _il.Emit(load);
        _il.Emit(store);
    }

    private void Execute(X87Run run)
    {
        (Waiting, WaitingCount) = (null, 0);
        LocalBuilder answer = _c.Temporary();
        Label cold = _il.DefineLabel();
        Label back = _il.DefineLabel();
        _cold.Add((cold, back, run, answer));
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldc_I8, (long)run.Thunk);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Call, s_call);
        _il.Emit(OpCodes.Stloc, answer);
        _il.Emit(OpCodes.Ldloc, answer);
        _il.Emit(OpCodes.Brfalse, cold);
        _il.MarkLabel(back);
        if (run.SetsFlags)
        {
            _c.Flags = new FlagState(FlagKind.Image, FlagExpression.Of(answer), FlagExpression.Binary(OpCodes.Shl, FlagExpression.Of(answer), 31), null);
        }
    }

    private void PushStatus(int field)
    {
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(field);
        _il.Emit(OpCodes.Ldind_U2);
    }

    /// <summary>FNSTCW, FNSTSW to memory.</summary>
    private void StoreWord(in Instruction i, int field)
    {
        BeReady();
        OperandEmitter.TranslateMemory(_c, i, sizeof(ushort), write: true);
        LocalBuilder word = _c.Temporary();
        PushStatus(field);
        _il.Emit(OpCodes.Stloc, word);
        MemoryEmitter.Store(_c, FlagExpression.Of(word), sizeof(ushort));
    }

    /// <summary>FLDCW, as long as all stays masked. Nothing is pending before, so nothing is afterwards.</summary>
    private void LoadControlWord(in Instruction i)
    {
        BeReady();
        OperandEmitter.TranslateMemory(_c, i, sizeof(ushort), write: false);
        LocalBuilder word = _c.Temporary();
        MemoryEmitter.Load(_c, sizeof(ushort));
        _il.Emit(OpCodes.Stloc, word);
        _il.Emit(OpCodes.Ldloc, word);
        _il.Emit(OpCodes.Ldc_I4, (int)FpuExceptions.Maskable);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Ldc_I4, (int)FpuExceptions.Maskable);
        _c.Exits.MissUnless(OpCodes.Beq);
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(X87Offsets.ControlWord);
        _il.Emit(OpCodes.Ldloc, word);
        _il.Emit(OpCodes.Ldc_I4, (int)FpuControl.Writable);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Ldc_I4, (int)FpuControl.AlwaysSet);
        _il.Emit(OpCodes.Or);
        _il.Emit(OpCodes.Stind_I2);
    }
}
