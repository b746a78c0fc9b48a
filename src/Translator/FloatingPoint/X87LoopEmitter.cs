using System.Reflection;
using System.Reflection.Emit;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Emit;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// The loops of a region in its IL: at each of their safepoints the thunk is tried. The loop is there as IL as well, for when the stack is not as the
/// thunk needs it; and where the thunk comes back, IL goes on, or leaves.
/// </summary>
internal sealed class X87LoopEmitter
{
    private static readonly MethodInfo s_call = MethodNames.Find(typeof(X87Host), nameof(X87Host.Call));
    private static readonly MethodInfo s_flags = MethodNames.Find(typeof(X87LoopEmitter), nameof(FlagsFor));

    private readonly RegionContext _c;
    private readonly ILGenerator _il;
    private readonly List<(X87Loop Loop, Label Back)> _loops;

    public X87LoopEmitter(RegionContext c, X87Region region)
    {
        _c = c;
        _il = c.Il;
        _loops = [.. region.Loops.Select(loop => (loop, _il.DefineLabel()))];
    }

    /// <summary>At the start of a block, which has been paid for: enters the thunk, if there is one.</summary>
    public void TryEnter(int block)
    {
        foreach ((X87Loop loop, Label back) in _loops)
        {
            if (loop.Thunks.TryGetValue(block, out nint thunk))
            {
                Enter(loop, thunk, back);
            }
        }
    }

    /// <summary>Behind all blocks: where thunks come back.</summary>
    public void EmitReturns(BranchEmitter branches)
    {
        foreach ((X87Loop loop, Label back) in _loops)
        {
            _il.MarkLabel(back);
            for (int r = 0; r < 8; r++)
            {
                if ((loop.Written & (1 << r)) != 0)
                {
                    _c.LoadRegisterFromMemory(r);
                }
            }

            _c.Load(X87Offsets.LoopBudget, OpCodes.Ldind_I4, _c.Budget);
            Label[] ways = [.. loop.Exits.Select(_ => _il.DefineLabel())];
            _il.Emit(OpCodes.Ldarg_0);
            _c.Offset(X87Offsets.LoopExit);
            _il.Emit(OpCodes.Ldind_I4);
            _il.Emit(OpCodes.Ldc_I4_1);
            _il.Emit(OpCodes.Sub);
            _il.Emit(OpCodes.Switch, ways);
            for (int k = 0; k < ways.Length; k++)
            {
                // The last one is what is left: so control cannot fall out of the switch.
                if (k == 0)
                {
                    _il.Emit(OpCodes.Br, ways[^1]);
                }

                X87LoopExit exit = loop.Exits[k];
                _il.MarkLabel(ways[k]);
                _c.Flags = RegionContext.CanonicalFlags();
                _c.CurrentEip = exit.Eip;
                _c.Remaining = exit.Remaining;
                if (exit.Remaining == 0)
                {
                    branches.Go(exit.Eip);
                }
                else
                {
                    _c.Exits.Leave();
                }
            }
        }
    }

    /// <summary>Flags as LAHF and SETO have them.</summary>
    public static unsafe uint FlagsFor(GuestCpu* cpu, int kind, uint a, uint b)
    {
        // The words in the CPU struct are free to be used, or have the flags already.
        DeferredFlags.Materialise(cpu, kind, a, b);
        uint flags = LazyFlags.Materialise(cpu);
        return ((flags & 0xFF) << 8) | (flags >> 11 & 1);
    }

    private void Enter(X87Loop loop, nint thunk, Label back)
    {
        Label otherwise = _il.DefineLabel();
        _c.SettleEntry();
        X87Emitter.EmitReadiness(_c);
        _il.Emit(OpCodes.Brtrue, otherwise);
        for (int r = 0; r < 8; r++)
        {
            if ((loop.Used & _c.Written & (1 << r)) != 0)
            {
                _c.Store(r * 4, _c.Register(r));
            }
        }

        _c.Store(X87Offsets.LoopBudget, _c.Budget);
        _il.Emit(OpCodes.Ldarg_0);
        _c.Offset(X87Offsets.LoopFlags);
        PushFlags();
        _il.Emit(OpCodes.Stind_I4);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldc_I8, (long)thunk);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Call, s_call);
        _il.Emit(OpCodes.Brtrue, back);
        _il.MarkLabel(otherwise);
    }

    private void PushFlags()
    {
        FlagState flags = _c.Flags;
        if (flags.Kind == FlagState.Unknown)
        {
            // Nobody will see them.
            _il.Emit(OpCodes.Ldc_I4_0);
            return;
        }

        _il.Emit(OpCodes.Ldarg_0);
        if (flags.Kind == FlagState.Dynamic)
        {
            FlagExpression.Field(MethodNames.FlagsKind).Emit(_c);
        }
        else
        {
            _il.Emit(OpCodes.Ldc_I4, flags.Kind);
        }

        flags.A.Emit(_c);
        (flags.B ?? FlagExpression.Of(0)).Emit(_c);
        _il.Emit(OpCodes.Call, s_flags);
    }
}
