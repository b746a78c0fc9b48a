using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Emit;

/// <summary>As <see cref="RegionCompiler.Compile"/>, which is what it is but in tests.</summary>
internal delegate CompiledRegion CompileRegion(RegionPlan plan, Optimisations optimisations, Func<ILGenerator, ILGenerator>? watch);

/// <summary>Plan → IL → Host code. Stateless: any thread may compile.</summary>
internal static class RegionCompiler
{
    /// <summary>Compiles a region.</summary>
    /// <param name="plan">What to compile.</param>
    /// <param name="optimisations">How.</param>
    /// <param name="watch">Puts itself between the emitters and the IL generator; null: nobody does.</param>
    public static CompiledRegion Compile(RegionPlan plan, Optimisations optimisations, Func<ILGenerator, ILGenerator>? watch = null)
    {
        var method = new DynamicMethod(
            $"guest_{plan.Blocks[0].Eip:x8}", typeof(nint), [typeof(nint), typeof(nint)], typeof(Op).Module, skipVisibility: true)
        { InitLocals = false };
        ILGenerator il = method.GetILGenerator(4096);
        il = watch?.Invoke(il) ?? il;
        var emitter = new RegionEmitter(plan, optimisations);
        try
        {
            emitter.Emit(il);
            int bytes = il.ILOffset;
            RuntimeMethodHandle handle = GetMethodDescriptor(method);
            RuntimeHelpers.PrepareMethod(handle);
            return new CompiledRegion(plan, method, handle.GetFunctionPointer(), emitter.Entries, emitter.Allocations, emitter.Windows, emitter.Links, bytes)
            {
                Thunks = emitter.Thunks,
                AlignmentRecord = emitter.AlignmentRecord,
            };
        }
        catch
        {
            // There will be no region that they could belong to.
            HostAllocations.Free(emitter.Allocations);
            emitter.Thunks?.Dispose();
            throw;
        }
    }

    /// <summary>Compiles the method (it is not public that one can ask for this).</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "GetMethodDescriptor")]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);
}
