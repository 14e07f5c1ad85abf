"""onnxruntime peer (CPU): milliseconds of a forward pass of three small LSTM text models, whole batch and its first row alone.

    python onnx_peer.py WORKLOAD [THREADS=2] [SECONDS=5]

prints one JSON line; times are wall-clock milliseconds. Workloads i, ii and iii as in torch_peer.py, as graphs written by hand:
Gather, LSTM (bidirectional in ii), the last state or the mean over the steps, Gemm. Weights are random; float32, ids [T][B].
"""
import argparse, json, statistics, time
import law


def main():
    p = argparse.ArgumentParser()
    p.add_argument("workload", choices=["i", "ii", "iii"])
    p.add_argument("threads", nargs="?", type=int, default=2)
    p.add_argument("seconds", nargs="?", type=float, default=5)
    a = p.parse_args()
    import numpy as np, onnx, onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    V, E, H, B, T, out, D = dict(i=(20000, 128, 128, 32, 80, 1, 1), ii=(20000, 128, 64, 32, 200, 1, 2), iii=(10000, 32, 32, 128, 200, 2, 1))[a.workload]
    rng = np.random.default_rng(1)
    some = lambda name, *shape: numpy_helper.from_array((rng.standard_normal(shape) * 0.1).astype(np.float32), name)
    weights = [some("table", V, E), some("W", D, 4 * H, E), some("R", D, 4 * H, H), some("bias", D, 8 * H), some("A", D * H, out), some("b", out),
               numpy_helper.from_array(np.array([-1, D * H], np.int64), "flat")]
    nodes = [helper.make_node("Gather", ["table", "ids"], ["x"]),
             helper.make_node("LSTM", ["x", "W", "R", "bias"], ["y", "last"], hidden_size=H, direction="bidirectional" if D == 2 else "forward")]
    if D == 2:                           # y [T, D, B, H]: the mean over T, then [B, D H]
        weights.append(numpy_helper.from_array(np.array([0], np.int64), "steps"))
        nodes += [helper.make_node("ReduceMean", ["y", "steps"], ["m"], keepdims=0), helper.make_node("Transpose", ["m"], ["t"], perm=[1, 0, 2])]
    else:
        nodes += [helper.make_node("Transpose", ["last"], ["t"], perm=[1, 0, 2])]
    nodes += [helper.make_node("Reshape", ["t", "flat"], ["r"]), helper.make_node("Gemm", ["r", "A", "b"], ["logits"])]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("ids", TensorProto.INT64, [T, None])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, out])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = a.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ids = np.ascontiguousarray(np.array(law.ids(V, B * T), np.int64).reshape(B, T).T)

    def times(x):
        for _ in range(5): session.run(None, {"ids": x})
        end, r = time.perf_counter() + a.seconds, []
        while time.perf_counter() < end or len(r) < 5:
            t = time.perf_counter(); session.run(None, {"ids": x}); r.append((time.perf_counter() - t) * 1e3)
        return statistics.median(r)

    print(json.dumps(dict(peer="onnxruntime", version=onnxruntime.__version__, workload=a.workload, threads=a.threads,
                          infer_ms=times(ids), infer_b1_ms=times(np.ascontiguousarray(ids[:, :1])))))


if __name__ == "__main__":
    main()
